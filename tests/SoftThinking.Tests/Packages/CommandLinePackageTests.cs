using NUnit.Framework;
using SoftThinking.Tests.Cli;

namespace SoftThinking.Tests.Packages;

/// <summary>The command line: installed from its package, and as a native program. The longest tests of the folder:
/// NUnit starts fixtures by their names, and while this one runs it runs the others one after another.</summary>
[Category("Slow")]
public class CommandLinePackageTests
{
    [Test]
    public void TheInstalledProgramAnswers()
    {
        string tools = Path.Combine(PackageFolder.Path, "tools");
        PackageFolder.Dotnet("tool", "install", "SoftThinking.Cli", "--tool-path", tools, "--source", PackageFolder.Packages);
        Answers(Path.Combine(tools, OperatingSystem.IsWindows() ? "softthinking.exe" : "softthinking"));
    }

    [Test]
    public void TheNativeProgramAnswersAndEvaluates()
    {
        string output = Path.Combine(PackageFolder.Path, "native"), results = Path.Combine(PackageFolder.Path, "results");
        string log = PackageFolder.Dotnet("publish", Path.Combine(TestData.RepositoryRoot, "managed", "SoftThinking.Cli"), "-c", TestData.Configuration,
            "--use-current-runtime", "-p:PublishAot=true", "-p:TrimmerSingleWarn=false", "-o", output,
            "--artifacts-path", Path.Combine(PackageFolder.Path, "artifacts"));
        Assert.That(log, Does.Not.Contain("warning"));

        string program = Path.Combine(output, OperatingSystem.IsWindows() ? "SoftThinking.Cli.exe" : "SoftThinking.Cli");
        Answers(program);
        PackageFolder.Run(program, "eval", "--dataset", Path.Combine(TestData.TinyReasoner, "test.json"), "--end-idx", "2", "--output-dir", results);
        PackageFolder.Run(program, "report", results);
        Assert.That(File.ReadAllText(Path.Combine(results, "report.html")), Does.Contain("<svg"), "plots");
    }

    private static void Answers(string program)
    {
        string answer = PackageFolder.Run(program, "generate", "--prompt", CliRun.Question);
        Assert.That(answer, Does.Contain(@"The answer is \boxed{113}."));
        Assert.That(PackageFolder.Run(program, "--version").Trim(), Is.EqualTo(CliRun.Of("--version").Out.Trim()));
    }
}
