using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Reads values of a JSON object, with errors that name the key.</summary>
internal static class JsonValue
{
    /// <exception cref="ArgumentException">The value is not text.</exception>
    public static string Text(string key, JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? Decode(key, () => value.GetString()!) : throw Wrong(key, "text", value);

    /// <summary>The key of a property.</summary>
    /// <exception cref="ArgumentException">The key is not Unicode text.</exception>
    public static string Name(JsonProperty property) => Decode("a key", () => property.Name);

    /// <exception cref="ArgumentException">The value is neither true nor false.</exception>
    public static bool Flag(string key, JsonElement value) =>
        value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, "true or false", value);

    /// <param name="check">Throws <see cref="ArgumentOutOfRangeException"/> for a value out of range, with a message that
    /// begins with the name of the property.</param>
    /// <exception cref="ArgumentException">The value is not a number, or out of range.</exception>
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

    /// <summary>Checks all text inside a value of any kind.</summary>
    /// <exception cref="ArgumentException">A text is not Unicode.</exception>
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

    // JSON may contain escapes of half a surrogate pair.
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

    /// <summary>Creates the error for a value of the wrong kind.</summary>
    public static ArgumentException Wrong(string key, string kind, JsonElement value)
    {
        const int Shown = 60;
        string text = value.GetRawText();
        return new ArgumentException($"{key} must be {kind}, not {(text.Length > Shown ? text[..Shown] + "…" : text)}");
    }
}
