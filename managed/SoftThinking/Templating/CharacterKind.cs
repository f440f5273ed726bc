using System.Globalization;
using System.Text;

namespace SoftThinking.Templating;

/// <summary>Kinds of characters as the methods of str see them.</summary>
internal static class CharacterKind
{
    // Characters of the property Other_Lowercase of the Unicode Character Database: first and last of each range.
    private static readonly int[] OtherLower =
    [
        0xAA, 0xAA, 0xBA, 0xBA, 0x2B0, 0x2B8, 0x2C0, 0x2C1, 0x2E0, 0x2E4, 0x345, 0x345, 0x37A, 0x37A, 0x1D2C, 0x1D6A,
        0x1D78, 0x1D78, 0x1D9B, 0x1DBF, 0x2071, 0x2071, 0x207F, 0x207F, 0x2090, 0x209C, 0x2170, 0x217F, 0x24D0, 0x24E9,
        0x2C7C, 0x2C7D, 0xA69C, 0xA69D, 0xA770, 0xA770, 0xA7F8, 0xA7F9, 0xAB5C, 0xAB5F, 0x10780, 0x10780,
        0x10783, 0x10785, 0x10787, 0x107B0, 0x107B2, 0x107BA,
    ];

    // Other_Uppercase.
    private static readonly int[] OtherUpper =
        [0x2160, 0x216F, 0x24B6, 0x24CF, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189];

    // Punctuation within words: apostrophes, periods, colons and middle dots.
    private const string WithinWords = "'.:·\u0387\u055F\u05F4‘’\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";

    // Ideographs that are numbers (kPrimaryNumeric, kAccountingNumeric and kOtherNumeric of the Unicode Character
    // Database), which the framework does not know.
    private static readonly HashSet<Rune> Ideographs =
    [
        .. ("㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零"
            + "𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭").EnumerateRunes(),
    ];

    public static bool IsLower(Rune rune) =>
        Rune.GetUnicodeCategory(rune) == UnicodeCategory.LowercaseLetter || IsWithin(OtherLower, rune.Value);

    public static bool IsUpper(Rune rune) =>
        Rune.GetUnicodeCategory(rune) == UnicodeCategory.UppercaseLetter || IsWithin(OtherUpper, rune.Value);

    public static bool IsTitle(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.TitlecaseLetter;

    public static bool IsCased(Rune rune) => IsLower(rune) || IsUpper(rune) || IsTitle(rune);

    /// <summary>Whether the search for a word's end passes over a character.</summary>
    public static bool IsCaseIgnorable(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark or UnicodeCategory.Format
            or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol
        || (rune.IsBmp && WithinWords.Contains((char)rune.Value));

    /// <summary>A digit of any script, which int() reads.</summary>
    public static bool IsDecimal(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber;

    /// <summary>A digit, which may also be raised or circled.</summary>
    public static bool IsDigit(Rune rune) =>
        IsDecimal(rune) || (rune.IsBmp && CharUnicodeInfo.GetDigitValue((char)rune.Value) >= 0)
        || (!rune.IsBmp && CharUnicodeInfo.GetDigitValue(rune.ToString(), 0) >= 0);

    /// <summary>Whatever has the value of a number.</summary>
    public static bool IsNumeric(Rune rune) => Rune.GetNumericValue(rune) != -1 || Ideographs.Contains(rune);

    public static bool IsAlphanumeric(Rune rune) => Rune.IsLetter(rune) || IsDigit(rune) || IsNumeric(rune);

    private static bool IsWithin(int[] ranges, int code)
    {
        for (int i = 0; i < ranges.Length && code >= ranges[i]; i += 2)
        {
            if (code <= ranges[i + 1])
                return true;
        }
        return false;
    }
}
