using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>Texts that may be divided into parts, {"type": …, "text": …}.</summary>
internal static class TextParts
{
    /// <summary>Reads a text, or an array of parts.</summary>
    /// <param name="kinds">The types that parts of text have.</param>
    /// <exception cref="JsonFieldException">The value is something else, or has a part that is no text.</exception>
    public static string Read(JsonField field, params string[] kinds) =>
        field.Value.ValueKind == JsonValueKind.Array ? Join(field.Elements().Select(part => ReadPart(part, kinds))) : field.Text();

    public static string Join(IEnumerable<string> parts) => string.Join('\n', parts);

    private static string ReadPart(JsonField part, string[] kinds)
    {
        NamedFields fields = new(part);
        OneOf.Read(fields.Get("type"), kinds);
        return fields.Get("text").Text();
    }
}
