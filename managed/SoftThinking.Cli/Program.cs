using System.Runtime.InteropServices;
using SoftThinking.Cli;

LaunchedProcess.UsePlainText();

// The first Ctrl-C or SIGTERM cancels the command, which can still print its results so far; the second one kills it. In a conversation
// Ctrl-C cancels the answer first.
using Interruption interruption = new();
using PosixSignalRegistration onInterrupt =
    PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => signal.Cancel = interruption.Interrupt());
using PosixSignalRegistration onTerminate =
    PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => signal.Cancel = interruption.Terminate());
return await LaunchedProcess.RunAsync(args, Terminal.OfProcess(interruption), interruption.Token);
