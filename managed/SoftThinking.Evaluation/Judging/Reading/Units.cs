namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Units that are recognized, each with its spellings.</summary>
internal static class Units
{
    public const string Percent = "%";
    public const string Degree = "°";

    private static readonly Dictionary<string, string> Known = Table(
        "$ dollar dollars usd bucks",
        "€ euro euros eur",
        "£ pound_sterling gbp",
        "¥ yen yuan rmb cny",
        "cent cents ¢",
        "mm millimeter millimeters millimetre millimetres",
        "cm centimeter centimeters centimetre centimetres",
        "m meter meters metre metres",
        "km kilometer kilometers kilometre kilometres",
        "inch inches in",
        "foot feet ft",
        "yard yards yd",
        "mile miles mi",
        "second seconds sec secs s",
        "minute minutes min mins",
        "hour hours hr hrs h",
        "day days",
        "week weeks",
        "month months",
        "year years yr yrs",
        "gram grams g",
        "kg kilogram kilograms",
        "mg milligram milligrams",
        "pound pounds lb lbs",
        "ounce ounces oz",
        "ton tons tonne tonnes",
        "liter liters litre litres",
        "ml milliliter milliliters millilitre millilitres",
        "gallon gallons gal",
        "cup cups",
        "mph mile/hour",
        "km/h kph kmh km/hour",
        "m/s m/second",
        "newton newtons n",
        "joule joules j",
        "watt watts w",
        "volt volts v",
        "hertz hz",
        "kelvin k",
        "radian radians rad",
        "celsius c",
        "fahrenheit f",
        "am",
        "pm",
        "% percent",
        "° degree degrees deg");

    /// <summary>Letters that are units where nothing else can be meant: they are also variables.</summary>
    private static readonly HashSet<string> SingleLetters = ["m", "s", "g", "N", "J", "W", "V", "L", "K", "h"];

    /// <summary>Whether a word is a unit of two or more letters.</summary>
    public static bool IsWord(string word) => Known.ContainsKey(word.ToLowerInvariant());

    /// <summary>Whether a symbol can be a unit.</summary>
    public static bool IsLetter(string symbol) => SingleLetters.Contains(symbol);

    /// <summary>One name for all spellings of a unit, or null for text that is none, which says nothing of the value.</summary>
    public static string? Canonical(string unit)
    {
        string text = unit.Trim().ToLowerInvariant().Replace(".", "", StringComparison.Ordinal);
        string power = "";
        if (text.IndexOf('^') is var caret and > 0)
        {
            power = text[caret..];
            text = text[..caret].Trim();
        }
        foreach ((string? prefix, string? meaning) in Prefixes)
        {
            if (text.StartsWith(prefix, StringComparison.Ordinal))
                (text, power) = (text[prefix.Length..], meaning);
        }
        text = text.Replace(" per ", "/", StringComparison.Ordinal).Replace(' ', '_');
        if (Known.TryGetValue(text, out string? name))
            return name + power;
        string[] parts = text.Split('/');
        if (parts.Length != 2 || !Known.TryGetValue(parts[0], out string? top) || !Known.TryGetValue(parts[1], out string? bottom))
            return null;
        return Known.GetValueOrDefault(top + "/" + bottom, top + "/" + bottom) + power;
    }

    private static readonly (string Prefix, string Meaning)[] Prefixes =
    [
        ("square ", "^2"),
        ("sq ", "^2"),
        ("cubic ", "^3"),
        ("cu ", "^3"),
    ];

    private static Dictionary<string, string> Table(params string[] rows)
    {
        Dictionary<string, string> table = new(StringComparer.Ordinal);
        foreach (string row in rows)
        {
            string[] spellings = row.Split(' ');
            foreach (string spelling in spellings)
                table[spelling] = spellings[0];
        }
        return table;
    }
}
