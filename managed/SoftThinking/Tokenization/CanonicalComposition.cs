using System.Globalization;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The normalization form NFC, with the Unicode version of the platform's data.
/// Hugging Face uses an older version, so characters that Unicode added later (and U+11938) may differ.</summary>
internal static class CanonicalComposition
{
    private const char FirstCombining = '\u0300'; // what is below stands as it is

    // The platform sorts the marks of a letter by insertion: a million of them would take hours.
    private const int MostMarks = 1000;

    // In globalization-invariant mode string.Normalize silently returns its argument.
    private static readonly bool Available = "e\u0301".Normalize(NormalizationForm.FormC) == "\u00E9";

    /// <param name="text">Text without lone surrogates.</param>
    /// <exception cref="ArgumentException">The text has more than 1000 combining marks in a row.</exception>
    /// <exception cref="PlatformNotSupportedException">The text may have to be changed, and this platform has no Unicode
    /// data.</exception>
    public static ReadOnlySpan<char> Compose(ReadOnlySpan<char> text)
    {
        int first = text.IndexOfAnyInRange(FirstCombining, char.MaxValue);
        if (first < 0)
            return text;
        if (!Available)
        {
            throw new PlatformNotSupportedException(
                $"the tokenizer's normalizer NFC needs Unicode data for the character U+{(int)text[first]:X4}, but there are none: "
                + "unset DOTNET_SYSTEM_GLOBALIZATION_INVARIANT (or InvariantGlobalization in the project) and install ICU");
        }
        CheckMarks(text[first..]);
        // The platform rejects this noncharacter, which does not compose.
        const char Rejected = '\uFFFE';
        string whole = text.ToString();
        return whole.Contains(Rejected)
            ? string.Join(Rejected, whole.Split(Rejected).Select(part => part.Normalize(NormalizationForm.FormC)))
            : whole.Normalize(NormalizationForm.FormC);
    }

    private static void CheckMarks(ReadOnlySpan<char> text)
    {
        if (text.Length <= MostMarks)
            return;
        int marks = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isMark = Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;
            marks = isMark ? marks + 1 : 0;
            if (marks > MostMarks)
                throw new ArgumentException(FormattableString.Invariant($"the text has more than {MostMarks} combining marks in a row, which the tokenizer's normalizer NFC does not accept"));
        }
    }
}
