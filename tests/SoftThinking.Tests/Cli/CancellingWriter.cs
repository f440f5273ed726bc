namespace SoftThinking.Tests.Cli;

/// <summary>Cancels as soon as a certain text has been written.</summary>
internal sealed class CancellingWriter(CancellationTokenSource cancellation, string trigger) : TriggerWriter(trigger, cancellation.Cancel);
