using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Runtime.InteropServices;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>Runs build.ps1 with a dotnet that only writes down how it was called.</summary>
public class BuildScriptTests
{
    private static readonly string Root = TestData.RepositoryRoot;
    private static readonly string Solution = $"{Root}/SoftThinking.sln";
    private static readonly string Cli = $"{Root}/managed/SoftThinking.Cli";
    private static readonly string Rid = RuntimeInformation.RuntimeIdentifier;

    [TestCase("build", "build {sln} -c Release")]
    [TestCase("build -Configuration Debug", "build {sln} -c Debug")]
    [TestCase("build --no-restore", "build {sln} -c Release --no-restore")]
    [TestCase("test --filter Name~Sampler", "test {sln} -c Release --filter Name~Sampler")]
    [TestCase("bench", "run --project {cli} -c Release -- bench")]
    [TestCase("bench --model 'a b' -n 3", "run --project {cli} -c Release -- bench --model |a b| -n 3")]
    [TestCase("publish",
        "publish {cli} -c Release -r {rid} --self-contained -p:PublishTrimmed=true -o {root}/artifacts/publish/{rid}")]
    [TestCase("clean", "clean {sln} -c Release")]
    [TestCase("clean -Configuration Debug", "clean {sln} -c Debug")]
    public void VerbCallsDotnet(string arguments, string expected)
    {
        Outcome outcome = RunScript(arguments);

        expected = expected.Replace("{sln}", Solution).Replace("{cli}", Cli).Replace("{rid}", Rid).Replace("{root}", Root);
        Assert.That(outcome.Calls, Is.EqualTo(new[] { expected }));
        Assert.That(outcome.ExitCode, Is.Zero);
    }

    [Test]
    public void WithoutArgumentsItPrintsHelp()
    {
        Outcome outcome = RunScript("");

        Assert.That(outcome.Calls, Is.Empty);
        Assert.That(outcome.ExitCode, Is.Zero);
        foreach (string verb in new[] { "build", "test", "bench", "publish", "clean" })
            Assert.That(outcome.Output, Does.Match($@"(?m)^  {verb} "));
    }

    [Test]
    public void ExitCodeOfDotnetPassesThrough() =>
        Assert.That(RunScript("test", dotnetExitCode: 3).ExitCode, Is.EqualTo(3));

    [Test]
    public void UnknownVerbIsAnError() =>
        Assert.That(() => RunScript("biuld"),
            Throws.InstanceOf<RuntimeException>().With.Message.StartsWith("unknown verb 'biuld'"));

    [Test]
    public void UnknownConfigurationIsAnError() =>
        Assert.That(() => RunScript("build -Configuration Fast"),
            Throws.InstanceOf<RuntimeException>().With.Message.Contains("Configuration"));

    private sealed record Outcome(string[] Calls, string Output, int ExitCode);

    /// <summary>Runs the script in this process, in a PowerShell that has the language and few cmdlets. A recorded call
    /// is the command line; |bars| stand around an argument that holds a space.</summary>
    private static Outcome RunScript(string arguments, int dotnetExitCode = 0)
    {
        using Runspace runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
        runspace.Open();
        using PowerShell shell = PowerShell.Create(runspace);
        shell.AddScript($$"""
            $global:calls = @()
            function global:dotnet {
                $global:calls += @($args.ForEach({ if ("$_".Contains(' ')) { "|$_|" } else { "$_" } })) -join ' '
                $global:LASTEXITCODE = {{dotnetExitCode}}
            }
            & '{{Root.Replace("'", "''")}}/build.ps1' {{arguments}}
            """);
        string output = string.Join('\n', shell.Invoke());
        if (shell.Streams.Error.FirstOrDefault() is { } error)
            throw error.Exception;
        object[] calls = (object[])runspace.SessionStateProxy.GetVariable("calls");
        return new([.. calls.Select(call => call.ToString()!)], output,
            Convert.ToInt32(runspace.SessionStateProxy.GetVariable("LASTEXITCODE")));
    }
}
