using System.Text;

namespace SoftThinking.Evaluation.Reporting.Writing;

/// <summary>Texts of models and of files, made fit to be shown: they are hostile until escaped.</summary>
internal static class SafeText
{
    private const char Replacement = '\uFFFD';

    /// <summary>
    /// The text with a visible sign in place of what no page may contain or what would make a page lie: control characters, lone surrogates,
    /// noncharacters, and marks that reverse the direction of the text after them.
    /// </summary>
    public static string Clean(string text)
    {
        if (text.All(c => c is >= ' ' and < '\x7F' or '\n'))
            return text;
        StringBuilder clean = new(text.Length);
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                clean.Append(text[i]).Append(text[++i]);
            else
                clean.Append(Visible(text[i]));
        }
        return clean.ToString();
    }

    /// <summary>At most so many characters on one line, with an ellipsis where something is missing.</summary>
    public static string Shorten(string text, int length)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (line.Length <= length)
            return line;
        int end = char.IsHighSurrogate(line[length - 2]) ? length - 2 : length - 1;
        return line[..end].TrimEnd() + "…";
    }

    private static char Visible(char c) => c switch
    {
        '\n' or '\t' => c,
        // Control characters have pictures of their own in Unicode.
        < ' ' => (char)('\u2400' + c),
        >= '\x7F' and <= '\x9F' => Replacement,
        >= '\u202A' and <= '\u202E' or >= '\u2066' and <= '\u2069' => Replacement,
        >= '\uFDD0' and <= '\uFDEF' or '\uFFFE' or '\uFFFF' => Replacement,
        _ => char.IsSurrogate(c) ? Replacement : c,
    };
}
