using SoftThinking.Evaluation.Results;
using SoftThinking.Files;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>Writes the report of evaluations: a self-contained page, and the same as Markdown.</summary>
public static class ReportBuilder
{
    /// <summary>Name of the page.</summary>
    public const string HtmlName = "report.html";

    /// <summary>Name of the Markdown file.</summary>
    public const string MarkdownName = "report.md";

    /// <summary>
    /// Writes <see cref="HtmlName"/> and <see cref="MarkdownName"/>. Evaluations of the same model on the same version of a data
    /// set are compared with each other. The same results yield the same bytes.
    /// </summary>
    /// <param name="evaluations">What was evaluated, at least one.</param>
    /// <param name="directory">Where the files go; created where it does not exist.</param>
    /// <param name="equal">Whether two answers mean the same, for the majority vote; null compares their text.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public static void Write(IReadOnlyList<EvaluationResults> evaluations, string directory, Func<string, string, bool>? equal = null)
    {
        ArgumentNullException.ThrowIfNull(evaluations);
        ArgumentException.ThrowIfNullOrEmpty(directory);
        if (evaluations.Count == 0)
            throw new ArgumentException("A report needs at least one evaluation.", nameof(evaluations));
        IReadOnlyList<Section> sections = Section.Combine(evaluations, equal);
        Directory.CreateDirectory(directory);
        Replace(Path.Combine(directory, HtmlName), HtmlReport.Write(sections));
        Replace(Path.Combine(directory, MarkdownName), MarkdownReport.Write(sections));
    }

    /// <summary>A report that cannot be written in full leaves the one before as it is.</summary>
    private static void Replace(string path, string text) => OutputFile.Replace(path, temporary => File.WriteAllText(temporary, text));
}
