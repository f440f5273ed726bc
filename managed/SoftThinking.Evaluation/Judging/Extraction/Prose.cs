using SoftThinking.Evaluation.Judging.Reading;

namespace SoftThinking.Evaluation.Judging.Extraction;

/// <summary>Distinguishes sentences from bare answers.</summary>
internal static class Prose
{
    private const int Words = 4;

    private static readonly HashSet<string> Small = new(
        ("is are was were be so thus hence therefore we it that this there they she he has have had which since because "
            + "can cannot could would will should must then but for with from not i'm don't you your my our gives get").Split(' '),
        StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a text is made of sentences: it has words that no bare answer has, or many words.</summary>
    public static bool Is(string text)
    {
        int words = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i = SkipCommand(text, i) - 1;
                continue;
            }
            if (!char.IsLetter(text[i]))
                continue;
            int start = i;
            while (i < text.Length && (char.IsLetter(text[i]) || text[i] == '\''))
                i++;
            string word = text[start..i];
            i--;
            if (Small.Contains(word))
                return true;
            if (word.Length > 1 && !Spellings.Words.ContainsKey(word) && !Units.IsWord(word) && ++words >= Words)
                return true;
        }
        return false;
    }

    /// <summary>The end of a command, and of its argument where that is text.</summary>
    private static int SkipCommand(string text, int at)
    {
        int end = at + 1;
        while (end < text.Length && char.IsAsciiLetter(text[end]))
            end++;
        string name = text[(at + 1)..end];
        if (end == at + 1)
            return end + 1;
        if (!Spellings.TextCommands.Contains(name) && !Spellings.FontCommands.Contains(name))
            return end;
        int close = end < text.Length && text[end] == '{' ? text.IndexOf('}', end) : -1;
        return close < 0 ? end : close + 1;
    }
}
