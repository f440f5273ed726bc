namespace SoftThinking.Evaluation.Code;

/// <summary>Finds the program in an answer.</summary>
/// <remarks>
/// The rules, with their reasons:
/// <list type="bullet">
/// <item>The last block marked as Python (python, python3, py) counts, as a model improves on what it wrote before.</item>
/// <item>Blocks without a mark count only where none is marked: they are sample output more often than programs.</item>
/// <item>A fence ends at a line of as many or more of its characters and nothing else, as Markdown has it: a longer
/// fence may hold shorter ones. A block marked as Markdown is searched itself, once.</item>
/// <item>A block without an end counts only where no block of its kind has one: the answer was cut, or the model forgot
/// the fence; the tests find out which.</item>
/// <item>Text without a fence is no program.</item>
/// </list>
/// </remarks>
public static class CodeExtractor
{
    private static readonly string[] Python = ["python", "python3", "py"];

    private static readonly string[] Markdown = ["markdown", "md"];

    /// <summary>The program of an answer; null where there is none.</summary>
    /// <param name="answer">The text after the thought: programs in the thought are drafts.</param>
    public static string? Extract(string answer)
    {
        List<Block> blocks = [];
        Collect(answer.Split('\n'), blocks, nested: false);
        Block? found = blocks.FindLast(block => block.Marked && block.Closed)
            ?? blocks.FindLast(block => block.Marked)
            ?? blocks.FindLast(block => block.Closed)
            ?? blocks.LastOrDefault();
        return found is null || string.IsNullOrWhiteSpace(found.Text) ? null : found.Text;
    }

    private static void Collect(ReadOnlySpan<string> lines, List<Block> blocks, bool nested)
    {
        for (int i = 0; i < lines.Length; i++)
        {
            if (Fence.Open(lines[i]) is not { } fence)
                continue;
            int end = i + 1;
            while (end < lines.Length && !fence.ClosedBy(lines[end]))
                end++;
            ReadOnlySpan<string> content = lines[(i + 1)..end];
            if (Markdown.Contains(fence.Language) && !nested)
                Collect(content, blocks, nested: true);
            else if (fence.Language.Length == 0 || Python.Contains(fence.Language))
                blocks.Add(new Block(fence.Dedent(content), fence.Language.Length > 0, end < lines.Length));
            i = end;
        }
    }

    private sealed record Block(string Text, bool Marked, bool Closed);

    /// <summary>The opening line of a block.</summary>
    private readonly record struct Fence(char Mark, int Count, int Indent, string Language)
    {
        public static Fence? Open(string line)
        {
            string text = line.TrimStart(' ', '\t');
            int count = Marks(text);
            if (count < 3)
                return null;
            string info = text[count..].Trim();
            if (info.Contains('`'))
                return null;
            string language = info.Split([' ', '\t', '{', ','])[0].ToLowerInvariant();
            return new Fence(text[0], count, line.Length - text.Length, language);
        }

        public bool ClosedBy(string line)
        {
            string text = line.Trim();
            return text.Length >= Count && text[0] == Mark && Marks(text) == text.Length;
        }

        /// <summary>The lines without the indentation of the fence, as in a list.</summary>
        public string Dedent(ReadOnlySpan<string> lines)
        {
            string[] result = lines.ToArray();
            for (int i = 0; i < result.Length; i++)
            {
                string line = result[i].TrimEnd('\r');
                int blank = line.Length - line.TrimStart(' ', '\t').Length;
                result[i] = line[Math.Min(blank, Indent)..];
            }
            return string.Join("\n", result) + "\n";
        }

        private static int Marks(string text)
        {
            if (text.Length == 0 || text[0] is not ('`' or '~'))
                return 0;
            int other = text.AsSpan().IndexOfAnyExcept(text[0]);
            return other < 0 ? text.Length : other;
        }
    }
}
