using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using SoftThinking.Evaluation.Code;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Templating;

namespace SoftThinking.Cli;

/// <summary>The program: its commands, and how errors become messages and exit codes.</summary>
internal static class CommandLine
{
    /// <summary>Runs a command line and returns its exit code. Catches every exception that a user can cause.</summary>
    /// <param name="cancellation">Canceled when the user interrupts the command.</param>
    public static async Task<int> RunAsync(
        IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellation = default)
    {
        try
        {
            int code = await InvokeAsync(arguments, terminal, cancellation);
            terminal.Out.Flush();
            return code;
        }
        catch (IOException error) when (Terminal.IsBrokenPipe(error))
        {
            return ExitCode.Success; // the reader has closed the output
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Interrupted;
        }
        catch (UsageException error)
        {
            terminal.ReportError(error.Message);
            return ExitCode.Usage;
        }
        catch (Exception error) when (IsExpected(error))
        {
            terminal.ReportError(RequestErrors.MessageOf(error));
            return ExitCode.Failure;
        }
    }

    private static async Task<int> InvokeAsync(
        IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellation)
    {
        ParseResult parsed = CreateRoot(terminal).Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            terminal.ReportError(Problem(parsed));
            string command = parsed.CommandResult.Command is RootCommand ? "" : " " + parsed.CommandResult.Command.Name;
            terminal.Error.WriteLine($"see {ProgramInfo.Name}{command} --help");
            return ExitCode.Usage;
        }
        return await parsed.InvokeAsync(
            new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Program.cs handles signals
            },
            cancellation);
    }

    private static RootCommand CreateRoot(Terminal terminal)
    {
        RootCommand root = new("Runs reasoning models that think in concept tokens (Soft Thinking, arXiv 2505.15778).")
        {
            GenerateCommand.Create(terminal),
            ChatCommand.Create(terminal),
            InspectCommand.Create(terminal),
            QuantizeCommand.Create(terminal),
            EvalCommand.Create(terminal),
            ReportCommand.Create(terminal),
            ScoreCommand.Create(terminal),
            ServeCommand.Create(terminal),
            BenchCommand.Create(terminal),
        };
        root.Options.OfType<HelpOption>().Single().Action = new HelpText(terminal);
        root.Options.OfType<VersionOption>().Single().Action = new VersionText(terminal);
        return root;
    }

    // The first error of `foo` is a missing command, which is not helpful.
    private static string Problem(ParseResult parsed) =>
        parsed.UnmatchedTokens.Count > 0 ? $"unknown command or option '{parsed.UnmatchedTokens[0]}'"
        : parsed.Tokens.Count == 0 ? "there is no command"
        : parsed.Errors[0].Message;

    private static bool IsExpected(Exception error) =>
        error is ModelFileException or DatasetException or EndpointException or SandboxException or TemplateException or BackendException or GenerationException
            or InsufficientMemoryException or ArgumentException or IOException or UnauthorizedAccessException;
}
