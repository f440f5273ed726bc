using System.Buffers;
using System.Text;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Writes one JSON object per line.</summary>
internal static class JsonLine
{
    /// <param name="properties">Writes the properties of the object.</param>
    public static void Write(TextWriter output, Action<Utf8JsonWriter> properties)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            properties(json);
            json.WriteEndObject();
        }
        output.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
        output.Flush();
    }
}
