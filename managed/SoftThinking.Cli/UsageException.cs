namespace SoftThinking.Cli;

/// <summary>The command line is invalid in a way that only the command itself can detect; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
