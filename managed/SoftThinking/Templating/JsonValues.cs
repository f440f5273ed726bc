using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace SoftThinking.Templating;

/// <summary>JSON as values of the template language.</summary>
internal static class JsonValues
{
    /// <exception cref="ArgumentException">A string holds half of a surrogate pair.</exception>
    public static object? From(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                DictValue dict = new();
                foreach (JsonProperty property in json.EnumerateObject())
                    dict.Set(Valid(() => property.Name), From(property.Value));
                return dict;
            case JsonValueKind.Array:
                return new SequenceValue([.. json.EnumerateArray().Select(From)]);
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

    private static object FromNumber(string number)
    {
        if (long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long integer))
            return integer;
        return number.AsSpan().ContainsAny('.', 'e', 'E')
            ? double.Parse(number, CultureInfo.InvariantCulture)
            : BigInteger.Parse(number, CultureInfo.InvariantCulture);
    }

    private static string Valid(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException error)
        {
            throw new ArgumentException("a string of the JSON is no valid Unicode: half of a surrogate pair", error);
        }
    }
}
