using System.Diagnostics;
using System.Runtime.Versioning;
using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>tests/gpu/run.sh with a stand-in for nvidia-smi and programs that note how they were called: what it does with
/// its time, and what is left of it when it is ended.</summary>
[Platform("Linux")]
[UnsupportedOSPlatform("windows")]
public class GpuScriptTests
{
    private const string Tests = "softthinking_native_tests", Cli = "SoftThinking.Cli", Managed = "SoftThinking.DeviceTests";

    private string _folder = "";

    [SetUp]
    public void MakeFolders()
    {
        _folder = Directory.CreateTempSubdirectory("softthinking-gpu-").FullName;
        Directory.CreateDirectory(In("driver"));
        Directory.CreateDirectory(In("programs"));
        Write("driver/nvidia-smi", "echo 'a stand-in'");
        File.WriteAllText(In("programs/libsoftthinking_cuda.so"), "one build");
        Write($"programs/{Tests}", "for a in \"$@\"; do case $a in --gtest_output=json:*) echo '\"result\": \"COMPLETED\"' > \"${a#*json:}\" ;; esac; done");
        Write($"programs/{Cli}", "echo '{}'");
        Write($"programs/{Managed}", "");
    }

    [TearDown]
    public void RemoveFolders() => Directory.Delete(_folder, true);

    [Test]
    public void WhatSucceededIsInReportAndArchive()
    {
        Assert.That(Run("check", "60", "device", "native", "generate", "managed", "collectives").ExitCode, Is.Zero);

        Assert.That(States(), Is.EqualTo("device: succeeded, generate: succeeded, native: succeeded, collectives: left out, managed: succeeded"));
        Assert.That(Report().GetProperty("device").GetString(), Is.EqualTo("a stand-in"));
        string archived = Tool.Run(["tar", "-xzOf", In("out.tar.gz"), "out/report.json"]).Output;
        Assert.That(JsonElement.DeepEquals(JsonDocument.Parse(archived).RootElement, Report()), Is.True);
    }

    [Test]
    public void AStepThatFailedIsTriedAgainAndOthersAreNot()
    {
        Write($"programs/{Managed}", "exit 3");
        Assert.That(Run("check", "60", "device", "managed").ExitCode, Is.EqualTo(1));
        Assert.That(States(), Is.EqualTo("device: succeeded, managed: failed"));

        Write($"programs/{Managed}", "");
        Assert.That(Run("check", "60", "device", "managed").ExitCode, Is.Zero);

        Assert.That(States(), Is.EqualTo("device: succeeded, managed: succeeded"));
        Assert.That(Calls(), Is.EqualTo(new[] { Tests, Managed, Managed }));
    }

    [Test]
    public void AnotherBuildIsTestedFromTheStart()
    {
        Run("check", "60", "device");
        File.WriteAllText(In("programs/libsoftthinking_cuda.so"), "another build");
        Run("check", "60", "device");

        Assert.That(Calls(), Is.EqualTo(new[] { Tests, Tests }));
    }

    [Test]
    public void TestsOfWhichNoneRanAreAFailure()
    {
        Write($"programs/{Tests}", "for a in \"$@\"; do case $a in --gtest_output=json:*) echo '\"result\": \"SKIPPED\"' > \"${a#*json:}\" ;; esac; done");

        Assert.That(Run("check", "60", "device").ExitCode, Is.EqualTo(1));
    }

    [Test]
    public void TheBudgetIsKept()
    {
        Write($"programs/{Tests}", "sleep 100");
        Stopwatch clock = Stopwatch.StartNew();
        int code = Run("check", "10", "device", "native", "managed").ExitCode;

        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(60)));
        Assert.That(code, Is.EqualTo(3));
        Assert.That(States(), Is.EqualTo("device: no time, native: no time, managed: no time"));
    }

    [TestCase("KILL", "running")]
    [TestCase("TERM", "interrupted")]
    public void TheReportIsWholeWhenTheScriptIsEnded(string signal, string state)
    {
        Write($"programs/{Managed}", $"kill -s {signal} $PPID; sleep 20");
        Run("check", "60", "device", "managed");

        Assert.That(States(), Is.EqualTo($"device: succeeded, managed: {state}"));
        Assert.That(Tool.Run(["tar", "-tzf", In("out.tar.gz")]).ExitCode, Is.Zero);
        Write($"programs/{Managed}", "");
        Assert.That(Run("check", "60", "device", "managed").ExitCode, Is.Zero);
        Assert.That(States(), Is.EqualTo("device: succeeded, managed: succeeded"));
        Assert.That(Calls().Count(call => call == Tests), Is.EqualTo(1));
    }

    [Test]
    public void WithoutADriverOrProgramsNothingIsRun()
    {
        File.Delete(In("programs/libsoftthinking_cuda.so"));
        Tool.Result result = Run("check", "60");
        Assert.That(result.ExitCode, Is.EqualTo(2));
        Assert.That(result.Output, Does.Contain("publish.sh"));

        File.Delete(In("driver/nvidia-smi"));
        result = Run("check", "60");
        Assert.That(result.ExitCode, Is.EqualTo(2));
        Assert.That(result.Output, Does.Contain("no NVIDIA driver"));
    }

    [Test]
    public void MeasurementsWithTheModelsOwnLimitComeFirst()
    {
        Assert.That(Run("bench", "120", "bench-*-7b").ExitCode, Is.Zero);

        Assert.That(States(), Is.EqualTo("bench-qwen2.5-7b: succeeded, bench-few-positions-qwen2.5-7b: succeeded"));
        Assert.That(File.ReadAllText(In("out/bench-qwen2.5-7b.json")).Trim(), Is.EqualTo("{}"));
    }

    private string In(string name) => Path.Combine(_folder, name);

    /// <summary>Writes a program that notes its call before it does something. Another process writes it: one that this process starts
    /// for another test at the same moment would have the file open for writing, so that it could not be run.</summary>
    private void Write(string name, string script)
    {
        string calls = In(name.StartsWith("programs", StringComparison.Ordinal) ? "calls" : "other-calls");
        string text = $"#!/bin/bash\necho {Path.GetFileName(name)} >> {calls}\n{script}\n";
        Assert.That(Tool.Run(["bash", "-c", "rm -f \"$1\" && printf %s \"$2\" > \"$1\" && chmod u+x \"$1\"", "write", In(name), text]).ExitCode, Is.Zero);
    }

    private Tool.Result Run(string preset, string budget, params string[] steps) => Tool.Run(
        ["python3", Path.Combine(TestData.RepositoryRoot, "tests", "gpu", "run.py"), "--preset", preset, "--budget", budget,
            "--programs", In("programs"), In("out"), .. steps],
        environment: [new("PATH", $"{In("driver")}:{Environment.GetEnvironmentVariable("PATH")}")]);

    private JsonElement Report() => JsonDocument.Parse(File.ReadAllText(In("out/report.json"))).RootElement;

    private string States() => string.Join(", ",
        Report().GetProperty("steps").EnumerateObject().Select(step => $"{step.Name}: {step.Value.GetProperty("state").GetString()}"));

    private string[] Calls() => File.ReadAllLines(In("calls"));
}
