using System.Text;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>The content of \text and its like.</summary>
internal static class TextContent
{
    /// <summary>The content without spacing commands and inner wrappers.</summary>
    public static string Clean(string content)
    {
        StringBuilder text = new();
        for (int i = 0; i < content.Length; i++)
        {
            char c = content[i];
            if (c is '{' or '}')
                continue;
            if (c == '\\')
            {
                int start = ++i;
                while (i < content.Length && char.IsAsciiLetter(content[i]))
                    i++;
                if (i == start && i < content.Length && content[i] is '$' or '%')
                    text.Append(content[i]);
                else if (i > start)
                    i--;
                if (i == start)
                    text.Append(' ');
                continue;
            }
            text.Append(c == '~' || char.IsWhiteSpace(c) ? ' ' : c);
        }
        return text.ToString().Trim();
    }

    /// <summary>Whether the content begins with a word such as million, perhaps with a unit behind it.</summary>
    public static bool StartsWithScale(string content)
        => Spellings.Words.TryGetValue(content.Split(' ')[0], out (TokenKind Kind, string Text) word) && word.Kind == TokenKind.Number;

    /// <summary>Whether the content only joins what stands on both sides.</summary>
    public static bool IsConnective(string content)
        => content.Trim(',', ' ').ToLowerInvariant() is "and" or "or";
}

/// <summary>Braces of LaTeX.</summary>
internal static class Braces
{
    /// <summary>The position of the brace that closes the one at a position, or -1.</summary>
    public static int End(string text, int open)
    {
        int depth = 0;
        for (int i = open; i < text.Length; i++)
        {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '{')
                depth++;
            else if (text[i] == '}' && --depth == 0)
                return i;
        }
        return -1;
    }
}
