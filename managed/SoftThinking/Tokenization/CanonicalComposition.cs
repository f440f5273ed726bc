using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The normalization form NFC, with the Unicode version of the platform's data.
/// Hugging Face uses an older version, so characters that Unicode added later (and U+11938) may differ.</summary>
internal static class CanonicalComposition
{
    /// <summary>Whether the platform composes at all: in globalization-invariant mode <see cref="string.Normalize()"/>
    /// silently returns its argument.</summary>
    public static bool IsAvailable => "e\u0301".Normalize(NormalizationForm.FormC) == "\u00E9";

    /// <param name="text">Text without lone surrogates.</param>
    public static ReadOnlySpan<char> Compose(ReadOnlySpan<char> text)
    {
        if (Ascii.IsValid(text))
            return text;
        // The platform rejects this noncharacter, which does not compose.
        const char Rejected = '\uFFFE';
        string whole = text.ToString();
        return whole.Contains(Rejected)
            ? string.Join(Rejected, whole.Split(Rejected).Select(part => part.Normalize(NormalizationForm.FormC)))
            : whole.Normalize(NormalizationForm.FormC);
    }
}
