using System.CommandLine;
using System.CommandLine.Invocation;

namespace SoftThinking.Cli;

/// <summary>`--version`: prints the name and the version of the program.</summary>
internal sealed class VersionText(Terminal terminal) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        terminal.Out.WriteLine($"{ProgramInfo.Name} {ProgramInfo.Version}");
        return ExitCode.Success;
    }
}
