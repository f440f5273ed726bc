using System.Buffers;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>Changes of case as Python makes them: the full mappings of the Unicode Character Database
/// (SpecialCasing.txt), where one character may become three, and the final sigma. The framework knows the simple
/// mappings only.</summary>
internal static class Casing
{
    // Characters whose upper case has several characters, each followed by it; the Greek block from U+1F80 on follows
    // a rule instead.
    private const string LongUpper =
        "ß SS,ŉ ʼN,ǰ J\u030C,ΐ Ι\u0308\u0301,ΰ Υ\u0308\u0301,և ԵՒ,\u1E96 H\u0331,\u1E97 T\u0308,\u1E98 W\u030A,"
        + "\u1E99 Y\u030A,\u1E9A Aʾ,\u1F50 Υ\u0313,\u1F52 Υ\u0313\u0300,\u1F54 Υ\u0313\u0301,\u1F56 Υ\u0313\u0342,"
        + "\u1FB2 \u1FBAΙ,\u1FB3 ΑΙ,\u1FB4 \u0386Ι,\u1FB6 Α\u0342,\u1FB7 Α\u0342Ι,\u1FBC ΑΙ,\u1FC2 \u1FCAΙ,\u1FC3 ΗΙ,"
        + "\u1FC4 \u0389Ι,\u1FC6 Η\u0342,\u1FC7 Η\u0342Ι,\u1FCC ΗΙ,\u1FD2 Ι\u0308\u0300,\u1FD3 Ι\u0308\u0301,"
        + "\u1FD6 Ι\u0342,\u1FD7 Ι\u0308\u0342,\u1FE2 Υ\u0308\u0300,\u1FE3 Υ\u0308\u0301,\u1FE4 Ρ\u0313,\u1FE6 Υ\u0342,"
        + "\u1FE7 Υ\u0308\u0342,\u1FF2 \u1FFAΙ,\u1FF3 ΩΙ,\u1FF4 \u038FΙ,\u1FF6 Ω\u0342,\u1FF7 Ω\u0342Ι,\u1FFC ΩΙ,"
        + "ﬀ FF,ﬁ FI,ﬂ FL,ﬃ FFI,ﬄ FFL,ﬅ ST,ﬆ ST,ﬓ ՄՆ,ﬔ ՄԵ,ﬕ ՄԻ,ﬖ ՎՆ,ﬗ ՄԽ";

    private const char DotlessI = 'ı';
    private const char CapitalIWithDot = 'İ';
    private const char CapitalSharpS = 'ẞ';
    private const char LongS = 'ſ';
    private const char CapitalSigma = 'Σ';
    private const string IotaBelow = "\u0345";

    private static readonly Dictionary<int, string> Special =
        LongUpper.Split(',').ToDictionary(entry => (int)entry[0], entry => entry[2..]);

    // What the framework maps otherwise; all else it maps as Python does.
    private static readonly SearchValues<char> OwnUpper = SearchValues.Create(
        [.. Special.Keys.Select(code => (char)code), .. Enumerable.Range(0x1F80, 48).Select(code => (char)code),
            DotlessI, LongS]);

    private static readonly SearchValues<char> OwnLower = SearchValues.Create([CapitalIWithDot, CapitalSigma]);

    private delegate string Mapping(string text, int index, Rune rune);

    /// <summary>str.upper.</summary>
    public static string Upper(string text)
    {
        StringBuilder result = new();
        int start = 0;
        for (int at; (at = text.AsSpan(start).IndexOfAny(OwnUpper)) >= 0; start++)
        {
            result.Append(text.Substring(start, at).ToUpperInvariant());
            start += at;
            result.Append(UpperOf(new Rune(text[start])));
        }
        return start == 0 ? text.ToUpperInvariant() : result.Append(text[start..].ToUpperInvariant()).ToString();
    }

    /// <summary>str.lower.</summary>
    public static string Lower(string text) => LowerFrom(text, 0);

    /// <summary>str.casefold.</summary>
    public static string Fold(string text) => Change(text, (_, _, rune) => FoldOf(rune));

    /// <summary>str.capitalize.</summary>
    public static string Capitalize(string text)
    {
        if (text.Length == 0)
            return text;
        Rune.DecodeFromUtf16(text, out Rune first, out int units);
        return TitleOf(first) + LowerFrom(text, units);
    }

    /// <summary>str.title: a letter with case after anything else begins a word.</summary>
    public static string Title(string text)
    {
        bool inWord = false;
        return Change(text, (whole, index, rune) =>
        {
            string mapped = inWord ? LowerAt(whole, index, rune) : TitleOf(rune);
            inWord = CharacterKind.IsCased(rune);
            return mapped;
        });
    }

    /// <summary>str.swapcase.</summary>
    public static string Swap(string text) => Change(text, (whole, index, rune) =>
        CharacterKind.IsUpper(rune) ? LowerAt(whole, index, rune)
        : CharacterKind.IsLower(rune) ? UpperOf(rune)
        : rune.ToString());

    private static string LowerFrom(string text, int start)
    {
        StringBuilder result = new();
        for (int at; (at = text.AsSpan(start).IndexOfAny(OwnLower)) >= 0; start++)
        {
            result.Append(text.Substring(start, at).ToLowerInvariant());
            start += at;
            result.Append(LowerAt(text, start, new Rune(text[start])));
        }
        return result.Append(text[start..].ToLowerInvariant()).ToString();
    }

    private static string Change(string text, Mapping map)
    {
        StringBuilder result = new(text.Length);
        int index = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            result.Append(map(text, index, rune));
            index += rune.Utf16SequenceLength;
        }
        return result.ToString();
    }

    private static string UpperOf(Rune rune)
    {
        int code = rune.Value;
        if (code is >= 0x1F80 and <= 0x1FAF)
        {
            int block = code < 0x1F90 ? 0x1F08 : code < 0x1FA0 ? 0x1F28 : 0x1F68;
            return (char)(block + (code & 7)) + "Ι";
        }
        if (Special.TryGetValue(code, out string? upper))
            return upper;

        // The framework leaves out what would become ASCII.
        return code switch { DotlessI => "I", LongS => "S", _ => Rune.ToUpperInvariant(rune).ToString() };
    }

    private static string TitleOf(Rune rune)
    {
        int code = rune.Value;
        switch (code)
        {
            case >= 0x1F80 and <= 0x1FAF:
                return ((char)(code | 8)).ToString();
            case 0x1FB3 or 0x1FBC or 0x1FC3 or 0x1FCC or 0x1FF3 or 0x1FFC:
                return ((char)(code & 0xFFF0 | 0xC)).ToString();
            case >= 0x1C4 and <= 0x1CC:
                return ((char)(0x1C5 + (code - 0x1C4) / 3 * 3)).ToString();
            case >= 0x1F1 and <= 0x1F3:
                return "\u01F2";
            case >= 0x10D0 and <= 0x10FF or 'ŉ':
                return code == 'ŉ' ? UpperOf(rune) : rune.ToString();
        }
        string upper = UpperOf(rune);
        return !Special.ContainsKey(code) ? upper
            : upper.EndsWith('Ι') ? upper[..^1] + IotaBelow
            : upper[..1] + upper[1..].ToLowerInvariant();
    }

    private static string LowerOf(Rune rune) => rune.Value == CapitalIWithDot
        ? "i\u0307"
        : Rune.ToLowerInvariant(rune).ToString();

    private static string LowerAt(string text, int index, Rune rune) =>
        rune.Value == CapitalSigma && EndsWord(text, index) ? "ς" : LowerOf(rune);

    /// <summary>Whether a sigma comes after a letter with case and before none; marks, apostrophes and similar characters
    /// between them do not count.</summary>
    private static bool EndsWord(string text, int index)
    {
        ReadOnlySpan<char> before = text.AsSpan(0, index);
        Rune.DecodeLastFromUtf16(before, out Rune rune, out int units);
        while (before.Length > 0 && CharacterKind.IsCaseIgnorable(rune))
        {
            before = before[..^units];
            Rune.DecodeLastFromUtf16(before, out rune, out units);
        }
        if (before.Length == 0 || !CharacterKind.IsCased(rune))
            return false;
        ReadOnlySpan<char> after = text.AsSpan(index + 1);
        Rune.DecodeFromUtf16(after, out rune, out units);
        while (after.Length > 0 && CharacterKind.IsCaseIgnorable(rune))
        {
            after = after[units..];
            Rune.DecodeFromUtf16(after, out rune, out units);
        }
        return after.Length == 0 || !CharacterKind.IsCased(rune);
    }

    // Folding is the lower case of the upper case. Exceptions are the letters of Cherokee, which fold to capitals, the
    // dotless i, which stays, and two capitals.
    private static string FoldOf(Rune rune) => rune.Value switch
    {
        DotlessI => "ı",
        CapitalIWithDot => "i\u0307",
        CapitalSharpS => "ss",
        >= 0x13A0 and <= 0x13FD or >= 0xAB70 and <= 0xABBF => UpperOf(rune),
        _ => string.Concat(UpperOf(rune).EnumerateRunes().Select(LowerOf)),
    };
}
