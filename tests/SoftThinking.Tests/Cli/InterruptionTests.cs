using NUnit.Framework;
using SoftThinking.Cli;

namespace SoftThinking.Tests.Cli;

/// <summary>What a signal cancels, and whether it ends the process at once.</summary>
public class InterruptionTests
{
    [Test]
    public void TheSecondSignalEndsTheProcess()
    {
        using Interruption interruption = new();

        Assert.That(interruption.Interrupt());
        Assert.That(interruption.Token.IsCancellationRequested);
        Assert.That(interruption.Interrupt(), Is.False);
        Assert.That(interruption.Terminate(), Is.False);
    }

    [Test]
    public void CtrlCCancelsThePartInProgressBeforeTheCommand()
    {
        using Interruption interruption = new();
        using Interruption.Part part = interruption.Begin(CancellationToken.None);

        Assert.That(interruption.Interrupt());
        Assert.That((part.Token.IsCancellationRequested, interruption.Token.IsCancellationRequested), Is.EqualTo((true, false)));
        Assert.That(interruption.Interrupt(), "a part that does not end");
        Assert.That(interruption.Token.IsCancellationRequested);
        Assert.That(interruption.Interrupt(), Is.False);
    }

    [Test]
    public void AfterAPartCtrlCCancelsTheCommandAgain()
    {
        using Interruption interruption = new();
        interruption.Begin(CancellationToken.None).Dispose();
        interruption.Interrupt();

        Assert.That(interruption.Token.IsCancellationRequested);
    }

    [Test]
    public void SigtermCancelsTheCommandAndWithItThePart()
    {
        using Interruption interruption = new();
        using Interruption.Part part = interruption.Begin(interruption.Token);
        interruption.Terminate();

        Assert.That(interruption.Token.IsCancellationRequested);
        Assert.That(part.Token.WaitHandle.WaitOne(CliProcess.Limit));
    }
}
