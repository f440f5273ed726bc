using System.Globalization;
using SoftThinking.Evaluation.Reporting;
using SoftThinking.Evaluation.Runs;
using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>The results of an evaluation on a terminal.</summary>
internal sealed class SummaryText(Terminal terminal)
{
    private const int TableWidth = 140;

    public void Write(EvaluationSummary summary, string directory)
    {
        IAnsiConsole console = terminal.OutConsole;
        console.Profile.Width = Math.Max(console.Profile.Width, TableWidth);
        foreach (ReportTable table in summary.Tables)
            console.Write(TableOf(table));
        foreach (string sentence in summary.Conclusions)
            terminal.Out.WriteLine($"- {sentence}");
        terminal.Out.WriteLine($"results: {directory}   report: {ProgramInfo.Name} report {directory}");
    }

    /// <summary>The numbers as JSON, for a file.</summary>
    public static string JsonOf(EvaluationSummary summary)
    {
        using StringWriter text = new();
        JsonLine.WriteIndented(text, summary.WriteJson);
        return text.ToString();
    }

    /// <summary>Title and fraction of the progress bar.</summary>
    public static (string, double) ProgressOf(EvaluationProgress progress)
    {
        string accuracies = string.Join("  ", progress.Accuracies.Select(each =>
            string.Create(CultureInfo.InvariantCulture, $"{each.Setting} {each.Accuracy * 100:0.0}%")));
        string left = progress.Left is TimeSpan time ? $"{(int)time.TotalHours}:{time:mm\\:ss} left" : "";
        string title = string.Create(CultureInfo.InvariantCulture,
            $"{progress.Done}/{progress.Total}  {accuracies}  {progress.TokensPerSecond:0} tok/s  {left}");
        return (title.TrimEnd(), progress.Total == 0 ? 1 : (double)progress.Done / progress.Total);
    }

    private static Table TableOf(ReportTable source)
    {
        Table table = new Table().Border(TableBorder.Simple).Title(Markup.Escape(source.Title));
        foreach ((string header, int column) in source.Headers.Select((header, column) => (header, column)))
            table.AddColumn(column == 0 ? new TableColumn(Markup.Escape(header)) : new TableColumn(Markup.Escape(header)).RightAligned());
        foreach (IReadOnlyList<Cell> row in source.Rows)
            table.AddRow([.. row.Select(cell => Markup.Escape(cell.Detail == null ? cell.Text : $"{cell.Text} ({cell.Detail})"))]);
        return table;
    }
}
