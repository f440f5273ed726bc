using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>The package of the command line: `dotnet pack`, `dotnet tool install`, and the installed program.</summary>
[Category("Slow")]
public class ToolPackageTests
{
    private const string NoSources = "<configuration><packageSources><clear /></packageSources></configuration>\n";

    [Test]
    public void TheInstalledProgramAnswers()
    {
        using TempFolder folder = new();
        folder.Write("nuget.config", NoSources);
        string packages = folder.File("packages"), tools = folder.File("tools");
        // What the tests were built from: nothing is built, and nothing restored.
        Dotnet(folder, "pack", Path.Combine(TestData.RepositoryRoot, "managed", "SoftThinking.Cli"),
            "--no-build", "-c", TestData.Configuration, "-o", packages);
        Dotnet(folder, "tool", "install", "SoftThinking.Cli", "--tool-path", tools, "--add-source", packages);
        string program = Path.Combine(tools, OperatingSystem.IsWindows() ? "softthinking.exe" : "softthinking");
        string answer = Run(folder, program, "generate", "--prompt", CliRun.Question), version = Run(folder, program, "--version");

        Assert.That(answer, Does.Contain(@"The answer is \boxed{113}."));
        Assert.That(version.Trim(), Is.EqualTo(CliRun.Of("--version").Out.Trim()));
    }

    private static void Dotnet(TempFolder folder, params string[] arguments) => Run(folder, [CliProcess.Dotnet, .. arguments]);

    /// <summary>Runs a command in the folder, with caches of packages inside it: what was installed before has no influence.</summary>
    private static string Run(TempFolder folder, params string[] command)
    {
        Dictionary<string, string?> environment = new()
        {
            ["NUGET_PACKAGES"] = folder.File("cache"),
            ["NUGET_HTTP_CACHE_PATH"] = folder.File("http-cache"),
            ["DOTNET_CLI_HOME"] = folder.File("home"),
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        };
        if (Path.IsPathRooted(CliProcess.Dotnet))
            environment["DOTNET_ROOT"] = Path.GetDirectoryName(CliProcess.Dotnet);
        Tool.Result result = Tool.Run(command, folder.Path, environment);
        Assert.That(result.ExitCode, Is.Zero, $"{string.Join(' ', command)}\n{result.Output}");
        return result.Output;
    }
}
