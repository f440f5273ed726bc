namespace SoftThinking.Cli;

/// <summary>Reads the question from an option, a file, or standard input.</summary>
internal static class PromptSource
{
    /// <exception cref="UsageException">There is none: no option, and standard input is a terminal.</exception>
    /// <exception cref="IOException">The file cannot be read, or is not UTF-8.</exception>
    /// <exception cref="ArgumentException">The prompt is empty.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting for input.</exception>
    public static async Task<string> ReadAsync(GenerateSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        string prompt = settings.Prompt ?? WithoutLastLineBreak(settings.PromptFile is string file
            ? await InputFile.ReadTextAsync("--prompt-file", file, cancellation)
            : await ReadInputAsync(terminal, cancellation));
        bool empty = settings.Raw ? prompt.Length == 0 : string.IsNullOrWhiteSpace(prompt);
        return empty ? throw new ArgumentException("the prompt is empty") : prompt;
    }

    private static Task<string> ReadInputAsync(Terminal terminal, CancellationToken cancellation)
    {
        Stream input = terminal.Input
            ?? throw new UsageException("there is no prompt: use --prompt, --prompt-file, or text on standard input");
        return InputFile.ReadTextAsync("standard input", input, cancellation);
    }

    // Editors and echo append a line break that is not part of the question.
    private static string WithoutLastLineBreak(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
