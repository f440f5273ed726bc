using System.CommandLine;
using NUnit.Framework;
using SoftThinking.Cli;

namespace SoftThinking.Tests.Cli;

/// <summary>Help and version: what people see first.</summary>
public class HelpTests
{
    private static readonly string[] Commands = ["", "generate", "chat", "inspect", "quantize", "eval", "report", "score", "bench"];

    [TestCaseSource(nameof(Commands))]
    public void HelpFits80Columns(string command)
    {
        CliRun run = Help(command);

        Assert.That((run.Code, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.Out.Split('\n'), Has.All.Length.LessThanOrEqualTo(80));
        Assert.That(run.Out.Split('\n'), Has.None.Match(@"\s$"), "no spaces at the end of a line");
    }

    [TestCaseSource(nameof(Commands))]
    public void HelpUsesTheNameThatIsInstalled(string command)
    {
        string help = Help(command).Out;

        Assert.That(help, Does.Match($@"(?m)^usage: softthinking {(command.Length > 0 ? command : "<command>")} \[options\]( DIR…| FILE)?$"));
        Assert.That(help, Does.Not.Contain("SoftThinking.Cli"));
    }

    [Test]
    public void HelpOfGenerateNamesEveryOptionInItsGroupAndItsDefault()
    {
        string help = Help("generate").Out;

        foreach (OptionGroup group in new GenerateOptions().Groups)
        {
            string rows = help.Split($"\n{group.Title}:\n")[1].Split("\n\n")[0];
            foreach (Option option in group.Options)
                Assert.That(rows, Does.Match($@"(?m)^  {option.Name}( |$)"), group.Title);
        }
        Assert.That(help, Does.Contain("examples:").And.Contain("[0.001]").And.Contain("[4096]").And.Contain("--think-end-str"));
    }

    [Test]
    public void HelpOfTheProgramNamesItsCommandsAndExitCodes()
    {
        string help = Help("").Out;

        foreach (string name in Commands[1..])
            Assert.That(help, Does.Match($"(?m)^  {name} "));
        string codes = help.Split("\nexit codes:\n")[1];
        foreach (int code in new[] { ExitCode.Success, ExitCode.Failure, ExitCode.Usage, ExitCode.Interrupted })
            Assert.That(codes, Does.Match($"(?m)^  {code} +[A-Z]"));
    }

    [Test]
    public void TheVersionIsThatOfTheBuild()
    {
        CliRun run = CliRun.Of("--version");

        Assert.That((run.Code, run.Error), Is.EqualTo((0, "")));
        Assert.That(run.Out, Is.EqualTo($"softthinking {typeof(Engine).Assembly.GetName().Version!.ToString(3)}\n"));
    }

    [Test]
    public void AUsageErrorPointsToHelp() =>
        Assert.That(CliRun.Of("generate", "--bogus").Error, Does.EndWith("\nsee softthinking generate --help\n"));

    private static CliRun Help(string command) => CliRun.Of([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]);
}
