namespace SoftThinking.Evaluation.Code;

/// <summary>No program can be run in a sandbox on this system; the message says why and what to do.</summary>
public sealed class SandboxException(string message) : Exception(message);
