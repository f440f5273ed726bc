using System.Text.Json;
using SoftThinking.Cli;

namespace SoftThinking.Tests.Cli;

/// <summary>The command line, run in this process.</summary>
internal sealed record CliRun(int Code, string Out, string Error)
{
    public const string Question = "What is 47 + 85 - 19?";

    /// <summary>Standard output as JSON.</summary>
    public JsonElement Json => JsonElement.Parse(Out);

    /// <summary>Runs a command line; standard input is a terminal.</summary>
    public static CliRun Of(params string[] arguments) => With(null, arguments);

    /// <summary>Runs a command line with the given text on standard input; with null it is a terminal.</summary>
    public static CliRun With(string? input, params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        return Run(input, output, error, arguments);
    }

    /// <summary>Asks <see cref="Question"/>, and takes the answer as JSON.</summary>
    public static CliRun Ask(params string[] options) => Of(["generate", "--prompt", Question, "--json", .. options]);

    public static CliRun Run(
        string? input, StringWriter output, StringWriter error, string[] arguments, bool style = false,
        CancellationToken cancellation = default)
    {
        using StringReader? reader = input == null ? null : new StringReader(input);
        Terminal terminal = new(reader, output, error, style, style);
        int code = CommandLine.RunAsync(arguments, terminal, cancellation).GetAwaiter().GetResult();
        return new CliRun(code, output.ToString(), error.ToString());
    }
}
