using System.Text;
using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>A report as Markdown: the sentences and tables of the page.</summary>
internal static class MarkdownReport
{
    private const int DifferingItems = 20;

    public static string Write(IReadOnlyList<Section> sections)
    {
        StringBuilder text = new("# Evaluation\n");
        foreach (Section section in sections)
            WriteSection(text, section);
        text.Append("\n## How the numbers are computed\n");
        foreach (string paragraph in ReportTexts.Methods)
            text.Append('\n').Append(MarkdownText.Escape(paragraph)).Append('\n');
        return text.ToString();
    }

    private static void WriteSection(StringBuilder text, Section section)
    {
        text.Append("\n## ").Append(MarkdownText.Escape($"{section.Model} on {section.Dataset}")).Append("\n\n");
        text.Append(MarkdownText.Escape(ReportTexts.Facts(section))).Append('\n');
        foreach (string warning in ReportTexts.Warnings(section))
            text.Append("\n**").Append(MarkdownText.Escape(warning)).Append("**\n");
        if (section.Items.Count > 0)
        {
            WriteConclusions(text, section);
            foreach (ReportTable? table in Tables(section))
                if (table is not null)
                    WriteTable(text, table);
        }
        WriteTable(text, ReportTables.Options(section));
    }

    private static IEnumerable<ReportTable?> Tables(Section section) =>
    [
        ReportTables.Settings(section), ReportTables.Comparisons(section), ReportTables.Several(section),
        .. GroupAccuracy.Names(section.Settings).Select(n => ReportTables.Group(section, n, ReportTexts.GroupValues(section, n))),
        ReportTables.Outcomes(section), ReportTables.Thoughts(section),
        ReportTables.Differing(section, ItemAcross.Differing(section.Items), DifferingItems),
    ];

    private static void WriteConclusions(StringBuilder text, Section section)
    {
        if (Conclusions.Overall(section.Comparisons) is not { } overall)
            return;
        text.Append("\n**").Append(MarkdownText.Escape(overall)).Append("**\n\n");
        foreach (string same in Conclusions.Same(section.Comparisons))
            text.Append("- ").Append(MarkdownText.Escape(same)).Append('\n');
        foreach (Comparison comparison in Conclusions.Distinct(section.Comparisons))
        {
            text.Append("- ").Append(MarkdownText.Escape($"{Conclusions.Accuracy(comparison)} {Conclusions.Tokens(comparison)}"))
                .Append('\n');
        }
    }

    private static void WriteTable(StringBuilder text, ReportTable table)
    {
        text.Append("\n### ").Append(MarkdownText.Escape(table.Title)).Append("\n\n");
        if (table.Note.Length > 0)
            text.Append(MarkdownText.Escape(table.Note)).Append("\n\n");
        WriteRow(text, table.Headers.Select(h => new Cell(h)));
        WriteRule(text, table.Headers.Count);
        foreach (IReadOnlyList<Cell> row in table.Rows)
            WriteRow(text, row);
    }

    private static void WriteRow(StringBuilder text, IEnumerable<Cell> cells) => text.Append("| ")
        .AppendJoin(" | ", cells.Select(c => MarkdownText.Escape(c.Detail is null ? c.Text : $"{c.Text} ({c.Detail})"))).Append(" |\n");

    private static void WriteRule(StringBuilder text, int columns) =>
        text.Append("| --- |").Insert(text.Length, " ---: |", columns - 1).Append('\n');
}
