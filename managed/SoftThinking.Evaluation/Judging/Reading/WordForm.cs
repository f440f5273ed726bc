using System.Text;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>The words of an answer, for answers that are text: case, wrappers, commas and outer brackets do not matter.</summary>
internal static class WordForm
{
    private static readonly HashSet<string> Ignored = ["and", "the", "an"];

    public static bool Equal(string a, string b) => Of(a) is { Length: > 0 } words && words == Of(b);

    /// <summary>Whether a text has a word of two letters or more, commands apart.</summary>
    public static bool HasWord(string text)
    {
        for (int i = 0; i + 1 < text.Length; i++)
        {
            if (text[i] == '\\')
                i = CommandEnd(text, i) - 1;
            else if (char.IsLetter(text[i]) && char.IsLetter(text[i + 1]))
                return true;
        }
        return false;
    }

    /// <summary>The words with single spaces between them.</summary>
    public static string Of(string text)
    {
        bool hasDigits = text.Any(char.IsAsciiDigit);
        List<string> words = [];
        StringBuilder word = new();
        for (int i = 0; i < text.Length; i++)
        {
            char c = text[i];
            if (c == '\\')
            {
                Finish(words, word);
                int end = CommandEnd(text, i);
                AddCommand(words, text[(i + 1)..end]);
                i = end - 1;
            }
            else if (char.IsLetterOrDigit(c))
            {
                if (word.Length > 0 && char.IsDigit(word[^1]) != char.IsDigit(c) && word[^1] != '.')
                    Finish(words, word);
                word.Append(char.ToLowerInvariant(c));
            }
            else if (c != '.')
            {
                Finish(words, word);
                if (IsSign(c, hasDigits))
                    words.Add(c.ToString());
            }
            else if (word.Length > 0 && char.IsDigit(word[^1]) && i + 1 < text.Length && char.IsAsciiDigit(text[i + 1]))
            {
                word.Append('.');
            }
        }
        Finish(words, word);
        if (words is ["a", { Length: > 2 }, ..])
            words.RemoveAt(0);
        return string.Join(' ', words);
    }

    private static bool IsSign(char c, bool hasDigits)
        => c is '+' or '/' or '=' or '<' or '>' or '^' or '%' || (hasDigits && c is '-' or '(' or ')' or '[' or ']');

    private static void AddCommand(List<string> words, string name)
    {
        bool isDropped = name.Length == 0 || !char.IsAsciiLetter(name[0]) || Spellings.TextCommands.Contains(name)
            || Spellings.FontCommands.Contains(name) || Spellings.WrapperCommands.Contains(name)
            || (Spellings.Commands.TryGetValue(name, out (TokenKind Kind, string Text) known) && known.Kind == TokenKind.End);
        if (!isDropped)
            words.Add(name);
    }

    private static void Finish(List<string> words, StringBuilder word)
    {
        // A plural is the same answer.
        if (word.Length > 4 && word[^1] == 's' && word[^2] != 's')
            word.Length--;
        if (word.Length > 0 && !Ignored.Contains(word.ToString()))
            words.Add(word.ToString());
        word.Clear();
    }

    private static int CommandEnd(string text, int at)
    {
        int end = at + 1;
        while (end < text.Length && char.IsAsciiLetter(text[end]))
            end++;
        return end == at + 1 ? Math.Min(at + 2, text.Length) : end;
    }
}
