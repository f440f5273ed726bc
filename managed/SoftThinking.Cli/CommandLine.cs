using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using SoftThinking.Templating;

namespace SoftThinking.Cli;

/// <summary>The program: its commands, its exit codes, and how it tells errors.</summary>
internal static class CommandLine
{
    /// <summary>Name of the program in help.</summary>
    public const string ProgramName = "SoftThinking.Cli";

    public const int Success = 0, Failure = 1, Usage = 2, Interrupted = 130;

    /// <summary>Runs a command line and returns its exit code. No exception that a user can cause leaves it.</summary>
    /// <param name="cancellation">Cancelled when the user wants the command to end.</param>
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
            return Success; // the reader has had enough
        }
        catch (OperationCanceledException)
        {
            return Interrupted;
        }
        catch (UsageException error)
        {
            return Tell(terminal, error.Message, Usage);
        }
        catch (Exception error) when (IsExpected(error))
        {
            return Tell(terminal, error.Message, Failure);
        }
    }

    /// <summary>Prints an error in one line.</summary>
    /// <returns>The exit code.</returns>
    public static int Tell(Terminal terminal, string message, int code)
    {
        terminal.Out.Flush();
        terminal.Error.WriteLine($"error: {message.ReplaceLineEndings(" ")}");
        terminal.Error.Flush();
        return code;
    }

    private static async Task<int> InvokeAsync(
        IReadOnlyList<string> arguments, Terminal terminal, CancellationToken cancellation)
    {
        RootCommand root = new("Runs reasoning models that think in concept tokens: Soft Thinking, arXiv 2505.15778.")
        {
            GenerateCommand.Create(terminal),
            InspectCommand.Create(terminal),
            QuantizeCommand.Create(terminal),
            BenchCommand.Create(terminal),
        };
        root.Options.OfType<HelpOption>().Single().Action = new HelpText(terminal);
        ParseResult parsed = root.Parse(arguments);
        if (parsed.Action is ParseErrorAction)
        {
            Tell(terminal, Problem(parsed), Usage);
            string command = parsed.CommandResult.Command is RootCommand ? "" : " " + parsed.CommandResult.Command.Name;
            terminal.Error.WriteLine($"see {ProgramName}{command} --help");
            return Usage;
        }
        return await parsed.InvokeAsync(
            new InvocationConfiguration
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // Program.cs listens to signals
            },
            cancellation);
    }

    // The first error of `foo` is that there is no command, which helps nobody.
    private static string Problem(ParseResult parsed) =>
        parsed.UnmatchedTokens.Count > 0 ? $"unknown command or option '{parsed.UnmatchedTokens[0]}'"
        : parsed.Tokens.Count == 0 ? "there is no command"
        : parsed.Errors[0].Message;

    private static bool IsExpected(Exception error) =>
        error is ModelFileException or TemplateException or BackendException or GenerationException
            or InsufficientMemoryException or ArgumentException or IOException or UnauthorizedAccessException;
}
