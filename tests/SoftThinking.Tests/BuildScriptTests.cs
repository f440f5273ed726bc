using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>What build.ps1 calls: its table of verbs, read as text, and, where PowerShell is installed, the script itself
/// with a dotnet that only prints how it was called.</summary>
public class BuildScriptTests
{
    private static readonly string Root = TestData.RepositoryRoot;
    private static readonly string[] Verbs = ["build", "test", "bench", "publish", "pack", "docs", "clean"];
    private static readonly Lazy<bool> PowerShellIsInstalled = new(FindPowerShell);

    [TestCase("build", "'build', $solution, '-c', $Configuration")]
    [TestCase("test", "'test', $solution, '-c', $Configuration")]
    [TestCase("bench", "'run', '--project', $cli, '-c', $Configuration, '--', 'bench'")]
    [TestCase("publish", "'publish', $cli, '-c', $Configuration, '-r', $rid, '--self-contained', '-p:PublishTrimmed=true', "
        + "'-o', \"$PSScriptRoot/artifacts/publish/$rid\"")]
    [TestCase("pack", "'build', \"$PSScriptRoot/managed/Packages.proj\", \"-p:Configuration=$Configuration\"")]
    [TestCase("docs", "'msbuild', \"$PSScriptRoot/docs/site/Site.proj\"")]
    [TestCase("clean", "'clean', $solution, '-c', $Configuration")]
    public void TableHoldsTheArgumentsOfAVerb(string verb, string arguments)
    {
        Match row = Regex.Match(Script, $@"^    '{verb}' \{{(?<arguments>[^}}]*)\}}", RegexOptions.Multiline);

        Assert.That(Regex.Replace(row.Groups["arguments"].Value, @"\s+", " ").Trim(), Is.EqualTo(arguments));
    }

    [Test]
    public void HelpTableAndErrorNameTheSameVerbs()
    {
        string[] Named(string pattern) => [.. Regex.Matches(Script, pattern, RegexOptions.Multiline).Select(match => match.Groups[1].Value)];

        Assert.That(Named(@"^  (\w+)  +\S"), Is.EqualTo(Verbs));
        Assert.That(Named(@"^    '(\w+)' \{"), Is.EqualTo(Verbs));
        Assert.That(Regex.Match(Script, @"unknown verb '\$Verb': (.*) are known").Groups[1].Value.Split([", ", " and "], default),
            Is.EqualTo(Verbs));
    }

    [Test]
    public void FoldersOfTheScriptExist()
    {
        foreach (Match path in Regex.Matches(Script, "^\\$\\w+ = \"\\$PSScriptRoot/(.*)\"", RegexOptions.Multiline))
            Assert.That(Path.Exists(Path.Combine(Root, path.Groups[1].Value.Trim())), Is.True, path.Value);
    }

    [TestCase("build", "build {sln} -c Release")]
    [TestCase("build -Configuration Debug", "build {sln} -c Debug")]
    [TestCase("build --no-restore", "build {sln} -c Release --no-restore")]
    [TestCase("test --filter Name~Sampler", "test {sln} -c Release --filter Name~Sampler")]
    [TestCase("bench", "run --project {cli} -c Release -- bench")]
    [TestCase("bench --model 'a b' -n 3", "run --project {cli} -c Release -- bench --model |a b| -n 3")]
    [TestCase("publish",
        "publish {cli} -c Release -r {rid} --self-contained -p:PublishTrimmed=true -o {root}/artifacts/publish/{rid}")]
    [TestCase("pack", "build {root}/managed/Packages.proj -p:Configuration=Release")]
    [TestCase("docs", "msbuild {root}/docs/site/Site.proj")]
    [TestCase("clean", "clean {sln} -c Release")]
    [TestCase("clean -Configuration Debug", "clean {sln} -c Debug")]
    public void VerbCallsDotnet(string arguments, string expected)
    {
        Tool.Result result = RunScript(arguments);

        expected = expected.Replace("{sln}", $"{Root}/SoftThinking.sln").Replace("{cli}", $"{Root}/managed/SoftThinking.Cli")
            .Replace("{rid}", RuntimeInformation.RuntimeIdentifier).Replace("{root}", Root);
        Assert.That(result.Output.Trim(), Is.EqualTo($"dotnet {expected}"));
        Assert.That(result.ExitCode, Is.Zero);
    }

    [Test]
    public void WithoutArgumentsItPrintsHelp()
    {
        Tool.Result result = RunScript("");

        Assert.That(result.ExitCode, Is.Zero);
        Assert.That(result.Output, Does.StartWith("usage: build.ps1"));
        foreach (string verb in Verbs)
            Assert.That(result.Output, Does.Match($@"(?m)^  {verb} "));
    }

    [Test]
    public void ExitCodeOfDotnetPassesThrough() =>
        Assert.That(RunScript("test", dotnetExitCode: 3).ExitCode, Is.EqualTo(3));

    [TestCase("biuld", "unknown verb 'biuld'")]
    [TestCase("build -Configuration Fast", "Configuration")]
    public void MistakeIsAnError(string arguments, string message)
    {
        Tool.Result result = RunScript(arguments);

        Assert.That(result.ExitCode, Is.Not.Zero);
        Assert.That(result.Output, Does.Contain(message).And.Not.Contain("dotnet "));
    }

    private static string Script => File.ReadAllText(Path.Combine(Root, "build.ps1")).ReplaceLineEndings("\n");

    /// <summary>Runs the script with a dotnet that prints its arguments; |bars| stand around one that holds a space.</summary>
    private static Tool.Result RunScript(string arguments, int dotnetExitCode = 0)
    {
        if (!PowerShellIsInstalled.Value)
            Assert.Ignore("pwsh is not installed: dotnet tool install --global PowerShell");
        string command = $$"""
            $ErrorActionPreference = 'Stop'
            $PSStyle.OutputRendering = 'PlainText'
            function global:dotnet {
                "dotnet " + (@($args.ForEach({ if ("$_".Contains(' ')) { "|$_|" } else { "$_" } })) -join ' ')
                $global:LASTEXITCODE = {{dotnetExitCode}}
            }
            & '{{Root.Replace("'", "''")}}/build.ps1' {{arguments}}
            exit $LASTEXITCODE
            """;
        return Tool.Run(["pwsh", "-NoLogo", "-NoProfile", "-NonInteractive", "-Command", command]);
    }

    private static bool FindPowerShell()
    {
        try
        {
            return Tool.Run(["pwsh", "-NoLogo", "-NoProfile", "-Command", "exit 0"]).ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
