using System.Runtime.InteropServices;
using SoftThinking.Cli;

// The first Ctrl-C or SIGTERM asks the command to end, so that it can show what it has; the second one ends it.
using CancellationTokenSource interruption = new();
void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = !interruption.IsCancellationRequested;
    interruption.Cancel();
}

using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
return await CommandLine.RunAsync(args, Terminal.OfProcess(), interruption.Token);
