using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>A table that the page and the Markdown file show alike. All its texts are plain and escaped where they are written.</summary>
/// <param name="Title">Heading above it.</param>
/// <param name="Note">What a reader needs to understand it; empty for nothing.</param>
/// <param name="Headers">Names of the columns; the first column names the row.</param>
/// <param name="Rows">One cell per column.</param>
public sealed record ReportTable(string Title, string Note, IReadOnlyList<string> Headers, IReadOnlyList<IReadOnlyList<Cell>> Rows);

/// <summary>A cell of a table.</summary>
/// <param name="Text">What stands in it.</param>
/// <param name="Detail">What stands below it, or in parentheses after it; null for nothing.</param>
/// <param name="Share">Strength of its tint from 0 to 1; null for none.</param>
public readonly record struct Cell(string Text, string? Detail = null, double? Share = null)
{
    /// <summary>A cell of one text.</summary>
    public static implicit operator Cell(string text) => new(text);

    /// <summary>A share and its interval in percent.</summary>
    public static Cell OfShare(Estimate share) => new(Numbers.Points(share.Value), Numbers.Points(share.Interval));

    /// <summary>A number with its interval.</summary>
    public static Cell OfNumber(Estimate number) => new(Numbers.Plain(number.Value), Numbers.Plain(number.Interval));

    /// <summary>A difference of shares with its sign and its interval, in percentage points.</summary>
    public static Cell OfShareDifference(Estimate difference) =>
        new(Numbers.Signed(difference.Value, Numbers.Points(difference.Value)), Numbers.Points(difference.Interval));

    /// <summary>A difference with its sign and its interval.</summary>
    public static Cell OfDifference(Estimate difference) =>
        new(Numbers.Signed(difference.Value, Numbers.Plain(difference.Value)), Numbers.Plain(difference.Interval));
}
