using System.Text;
using System.Text.Json;

namespace SoftThinking.Files;

/// <summary>Says in plain words why a text is not JSON, and where.</summary>
internal static class JsonProblem
{
    /// <summary>What is wrong with a text that the parser refused, for use after "the file".</summary>
    /// <param name="text">Valid UTF-8.</param>
    /// <param name="deepest">Levels of objects and lists that the parser accepts.</param>
    /// <param name="isLine">Whether the text is a line of a larger one: then its own lines are not counted.</param>
    public static string Of(ReadOnlySpan<byte> text, int deepest, bool isLine)
    {
        const int Unlimited = 1_000_000_000;
        Utf8JsonReader reader = new(text, new JsonReaderOptions { MaxDepth = Unlimited });
        Stack<HashSet<string>> keys = new();
        try
        {
            while (reader.Read())
            {
                if (reader.CurrentDepth >= deepest && reader.TokenType is (JsonTokenType.StartObject or JsonTokenType.StartArray))
                    return $"is broken JSON: it is nested more than {deepest} levels deep, at {PlaceOf(text, (int)reader.TokenStartIndex, isLine)}";
                if (reader.TokenType == JsonTokenType.StartObject)
                    keys.Push([]);
                else if (reader.TokenType == JsonTokenType.EndObject)
                    keys.Pop();
                else if (reader.TokenType == JsonTokenType.PropertyName && reader.GetString() is string key && !keys.Peek().Add(key))
                    return $"is broken JSON: the key {HostileText.Quote(key)} occurs twice (a duplicate), at {PlaceOf(text, (int)reader.TokenStartIndex, isLine)}";
            }
            return "is broken JSON";
        }
        catch (JsonException error)
        {
            int at = PositionOf(text, error);
            string problem = at >= text.Length ? ": it ends too early," : "";
            return $"is broken JSON{problem} at {PlaceOf(text, at, isLine)}";
        }
        catch (InvalidOperationException)
        {
            return $"is broken JSON: a key is not valid Unicode (half of a surrogate pair), at {PlaceOf(text, (int)reader.TokenStartIndex, isLine)}";
        }
    }

    private static int PositionOf(ReadOnlySpan<byte> text, JsonException error)
    {
        int start = 0;
        for (long line = error.LineNumber ?? 0; line > 0; line--)
            start += text[start..].IndexOf((byte)'\n') + 1;
        return (int)Math.Min(start + (error.BytePositionInLine ?? 0), text.Length);
    }

    // Lines and columns count from 1, columns in characters.
    private static string PlaceOf(ReadOnlySpan<byte> text, int position, bool isLine)
    {
        ReadOnlySpan<byte> before = text[..position];
        int line = before.Count((byte)'\n') + 1;
        int column = Encoding.UTF8.GetCharCount(before[(before.LastIndexOf((byte)'\n') + 1)..]) + 1;
        return isLine ? $"column {column}" : $"line {line}, column {column}";
    }
}
