using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Writes one JSON object per line.</summary>
internal static class JsonLine
{
    /// <summary>Escapes only what JSON requires, so that text remains readable.</summary>
    public static JsonWriterOptions Readable { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="properties">Writes the properties of the object.</param>
    public static void Write(TextWriter output, Action<Utf8JsonWriter> properties)
    {
        output.WriteLine(Format(Readable, properties));
        output.Flush();
    }

    /// <summary>Writes one JSON object over many lines, for people.</summary>
    public static void WriteIndented(TextWriter output, Action<Utf8JsonWriter> properties) =>
        output.WriteLine(Format(Readable with { Indented = true }, properties));

    private static string Format(JsonWriterOptions options, Action<Utf8JsonWriter> properties)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, options))
        {
            json.WriteStartObject();
            properties(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
