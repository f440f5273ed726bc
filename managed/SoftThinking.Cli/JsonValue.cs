using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Reads values of a JSON object, with errors that name the key.</summary>
internal static class JsonValue
{
    /// <exception cref="ArgumentException">It is no text.</exception>
    public static string Text(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? Decode(key, () => value.GetString()!) : throw Wrong(key, "text", value);

    /// <summary>The key of a property.</summary>
    /// <exception cref="ArgumentException">It is no Unicode text.</exception>
    public static string Name(JsonProperty property) => Decode("a key", () => property.Name);

    /// <exception cref="ArgumentException">It is neither true nor false.</exception>
    public static bool Flag(string key, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, "true or false", value);

    /// <param name="check">Throws <see cref="ArgumentOutOfRangeException"/> for a value out of range, with a message that
    /// begins with the name of the property.</param>
    /// <exception cref="ArgumentException">It is no number, or out of its range.</exception>
    public static T Number<T>(string key, JsonElement value, Action<T> check) where T : struct, INumber<T>
    {
        bool parsed = T.TryParse(value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out T number);
        if (value.ValueKind != JsonValueKind.Number || !parsed)
            throw Wrong(key, number is float or double ? "a number" : "a whole number in its range", value);
        try
        {
            check(number);
            return number;
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new ArgumentException(NumberOption.Rename(error, key), error);
        }
    }

    /// <summary>Checks every text inside a value, whatever it is.</summary>
    /// <exception cref="ArgumentException">One is no Unicode text.</exception>
    public static void CheckText(string key, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            Text(key, value);
        }
        else if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement element in value.EnumerateArray())
                CheckText(key, element);
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in value.EnumerateObject())
                CheckText($"{key}.{Name(property)}", property.Value);
        }
    }

    // JSON may hold escapes of half a character.
    private static string Decode(string key, Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException error)
        {
            throw new ArgumentException($"{key} must be Unicode text", error);
        }
    }

    /// <summary>The error of a value of another kind than it must be.</summary>
    public static ArgumentException Wrong(string key, string kind, JsonElement value)
    {
        const int Shown = 60;
        string text = value.GetRawText();
        return new ArgumentException($"{key} must be {kind}, not {(text.Length > Shown ? text[..Shown] + "…" : text)}");
    }
}
