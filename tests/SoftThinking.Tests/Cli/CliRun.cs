using System.Text;
using System.Text.Json;
using SoftThinking.Cli;

namespace SoftThinking.Tests.Cli;

/// <summary>The command line, run in this process.</summary>
internal sealed record CliRun(int Code, string Out, string Error)
{
    public const string Question = "What is 47 + 85 - 19?";

    /// <summary>Standard output as JSON.</summary>
    public JsonElement Json => JsonElement.Parse(Out);

    /// <summary>Standard output as one JSON object per line.</summary>
    public JsonElement[] JsonLines => [.. Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonElement.Parse(line))];

    /// <summary>Runs a command line; standard input is a terminal.</summary>
    public static CliRun Of(params string[] arguments) => With(null, arguments);

    /// <summary>Runs a command line with the given text on standard input; with null it is a terminal.</summary>
    public static CliRun With(string? input, params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        return Run(input, output, error, arguments);
    }

    /// <summary>Runs a command line with the given bytes on standard input.</summary>
    public static CliRun WithBytes(byte[] input, params string[] arguments)
    {
        using MemoryStream stream = new(input);
        using StringWriter output = new(), error = new();
        return RunOn(stream, output, error, arguments);
    }

    /// <summary>Asks <see cref="Question"/>, and takes the answer as JSON.</summary>
    public static CliRun Ask(params string[] options) => Of(["generate", "--prompt", Question, "--json", .. options]);

    public static CliRun Run(
        string? input, StringWriter output, StringWriter error, string[] arguments, bool style = false,
        CancellationToken cancellation = default)
    {
        using MemoryStream? stream = input == null ? null : new MemoryStream(Encoding.UTF8.GetBytes(input));
        return RunOn(stream, output, error, arguments, style, cancellation);
    }

    public static CliRun RunOn(
        Stream? input, StringWriter output, StringWriter error, string[] arguments, bool style = false,
        CancellationToken cancellation = default)
    {
        Terminal terminal = new(input, output, error, style, style);
        int code = CommandLine.RunAsync(arguments, terminal, cancellation).GetAwaiter().GetResult();
        return new CliRun(code, output.ToString(), error.ToString());
    }
}
