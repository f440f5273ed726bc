using System.CommandLine;
using SoftThinking.Evaluation.Reporting;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Runs;

namespace SoftThinking.Cli;

/// <summary>`report`: a report about one or more evaluations.</summary>
internal static class ReportCommand
{
    private static readonly string[] Examples =
    [
        "report results/graded/graded-reasoner",
        "report results/math500/QwQ-32B results/math500/QwQ-32B-int8",
    ];

    private static readonly Argument<string[]> Directories = new("DIR")
    {
        Description = "Output directories of eval.",
        Arity = ArgumentArity.OneOrMore,
        Validators = { OptionKinds.RefuseEmpty("DIR") },
    };

    private static readonly Option<string?> Output = OptionKinds.PathTo(
        "--output-dir", "DIR", "Directory of the report. The default is the first DIR.");

    public static Command Create(Terminal terminal)
    {
        GroupedCommand command = new("report",
            $"Writes {ReportBuilder.HtmlName}, a self-contained page, and {ReportBuilder.MarkdownName} about evaluations: accuracy against "
            + "tokens, the items on which settings differ, entropy, and transcripts with their mixtures.",
            [new("options", [Output])], Examples)
        {
            Directories,
        };
        command.SetAction(parsed =>
        {
            string[] directories = parsed.GetValue(Directories)!;
            string output = parsed.GetValue(Output) ?? directories[0];
            EvaluationResults[] results = [.. directories.Select(RunDirectory.Read)];
            ReportBuilder.Write(results, output, ItemJudge.SameAnswer);
            terminal.Out.WriteLine(Path.Combine(output, ReportBuilder.HtmlName));
            terminal.Out.WriteLine(Path.Combine(output, ReportBuilder.MarkdownName));
            return ExitCode.Success;
        });
        return command;
    }
}
