namespace SoftThinking.Cli;

/// <summary>The command line asks for something that makes no sense, found only when the command ran; exit code 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
