using System.Globalization;
using System.Numerics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Templating;

/// <summary>JSON as values of the template language.</summary>
internal static class JsonValues
{
    // Far deeper than any conversation, and shallow enough for the stack.
    private const int MaxDepth = 500;

    /// <summary>Options to parse JSON as deep as it may be.</summary>
    public static readonly JsonDocumentOptions Deep = new() { MaxDepth = MaxDepth };

    /// <exception cref="ArgumentException">A string holds half of a surrogate pair, or values are nested too
    /// deeply.</exception>
    public static object? From(JsonElement json, int depth = 0)
    {
        CheckDepth(depth);
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                DictValue dict = new();
                foreach (JsonProperty property in json.EnumerateObject())
                    dict.Set(Valid(() => property.Name), From(property.Value, depth + 1));
                return dict;
            case JsonValueKind.Array:
                return new SequenceValue([.. json.EnumerateArray().Select(item => From(item, depth + 1))]);
            case JsonValueKind.String:
                return Valid(() => json.GetString()!);
            case JsonValueKind.Number:
                return FromNumber(json.GetRawText());
            case JsonValueKind.True:
                return true;
            case JsonValueKind.False:
                return false;
            default:
                return null;
        }
    }

    /// <summary>The same for JSON built in memory, where a number may be a double: 2.0 stays a float.</summary>
    /// <exception cref="ArgumentException">A string holds half of a surrogate pair, or values are nested too
    /// deeply.</exception>
    public static object? From(JsonNode? json, int depth = 0)
    {
        CheckDepth(depth);
        switch (json)
        {
            case null:
                return null;
            case JsonObject all:
                DictValue dict = new();
                foreach ((string name, JsonNode? value) in Valid(() => all.ToArray()))
                    dict.Set(name, From(value, depth + 1));
                return dict;
            case JsonArray list:
                return new SequenceValue([.. list.Select(item => From(item, depth + 1))]);
            case JsonValue value when value.TryGetValue(out JsonElement element):
                return From(element, depth);
            case JsonValue value when value.TryGetValue(out double number):
                return number;
            case JsonValue value when value.TryGetValue(out float number):
                return double.Parse(number.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
            default:
                using (JsonDocument document = JsonDocument.Parse(json.ToJsonString()))
                    return From(document.RootElement);
        }
    }

    private static void CheckDepth(int depth)
    {
        if (depth > MaxDepth)
            throw new ArgumentException($"values of the JSON are nested more than {MaxDepth} deep");
    }

    private static object FromNumber(string number)
    {
        if (long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer))
            return integer;
        return number.AsSpan().ContainsAny('.', 'e', 'E')
            ? double.Parse(number, CultureInfo.InvariantCulture)
            : BigInteger.Parse(number, CultureInfo.InvariantCulture);
    }

    /// <summary>What is read from JSON.</summary>
    /// <exception cref="ArgumentException">A string holds half of a surrogate pair.</exception>
    public static T Valid<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException error)
        {
            throw new ArgumentException("a string of the JSON is not valid Unicode: half of a surrogate pair", error);
        }
    }
}
