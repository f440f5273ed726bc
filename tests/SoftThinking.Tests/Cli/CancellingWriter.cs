namespace SoftThinking.Tests.Cli;

/// <summary>Cancels as soon as a certain text has been written.</summary>
internal sealed class CancellingWriter(CancellationTokenSource cancellation, string trigger) : StringWriter
{
    public override void Write(string? value)
    {
        base.Write(value);
        if (value != null && value.Contains(trigger, StringComparison.Ordinal))
            cancellation.Cancel();
    }
}
