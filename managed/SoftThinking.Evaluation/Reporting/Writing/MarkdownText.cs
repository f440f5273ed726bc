using System.Text;
using System.Text.RegularExpressions;

namespace SoftThinking.Evaluation.Reporting.Writing;

/// <summary>Plain text in Markdown: what would be markup, a link, a mention, or the end of a cell is escaped.</summary>
internal static partial class MarkdownText
{
    private const string Special = @"\`*_{}[]<>#|~&$";

    /// <summary>The text on one line.</summary>
    public static string Escape(string text)
    {
        StringBuilder escaped = new(text.Length);
        foreach (char c in SafeText.Clean(text))
        {
            if (c is '\n' or '\t')
                escaped.Append(' ');
            else if (Special.Contains(c))
                escaped.Append('\\').Append(c);
            else
                escaped.Append(c);
        }
        // Bare addresses become links by themselves, and a line can begin a list, a quotation, or a heading.
        string line = Address().Replace(escaped.ToString().Trim(), m => m.Value[..^1] + "\\" + m.Value[^1]);
        return LineStart().Replace(line, m => m.Groups[1].Value + "\\" + m.Groups[2].Value);
    }

    [GeneratedRegex(@"www\.|[a-z]:(?=//)|(?:mailto|xmpp):", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Address();

    [GeneratedRegex(@"^([0-9]{0,9})([-+=.:])(?![0-9])")]
    private static partial Regex LineStart();
}
