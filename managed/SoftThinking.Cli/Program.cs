using System.Runtime.InteropServices;
using SoftThinking.Cli;

// The first Ctrl-C or SIGTERM cancels the command, which can still print its results so far; the second one kills it.
using CancellationTokenSource interruption = new();
void Interrupt(PosixSignalContext signal)
{
    signal.Cancel = !interruption.IsCancellationRequested;
    interruption.Cancel();
}

using PosixSignalRegistration onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using PosixSignalRegistration onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Interrupt);
return await CommandLine.RunAsync(args, Terminal.OfProcess(), interruption.Token);
