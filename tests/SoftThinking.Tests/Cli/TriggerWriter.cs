namespace SoftThinking.Tests.Cli;

/// <summary>Calls an action each time a certain text is written.</summary>
internal class TriggerWriter(string trigger, Action action) : StringWriter
{
    public override void Write(string? value)
    {
        base.Write(value);
        if (value != null && value.Contains(trigger, StringComparison.Ordinal))
            action();
    }
}
