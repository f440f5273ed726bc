using NUnit.Framework;
using NUnit.Framework.Interfaces;

namespace SoftThinking.Tests;

/// <summary>How the results of native tests reach NUnit.</summary>
public class NativeSuiteTests
{
    [Test]
    public void CasesOfASuiteShareAProcessAndHaveTheirOwnResults()
    {
        Script script = new("""
            [ RUN      ] Linear.Adds
            [       OK ] Linear.Adds (0 ms)
            [ RUN      ] Linear.AddsMore/cpu
            linear_test.cpp:7: Failure
            Expected: 1, actual: 2
            [  FAILED  ] Linear.AddsMore/cpu, where GetParam() = cpu (3 ms)
            [ RUN      ] Linear.Avx512
            linear_test.cpp:12: Skipped
            this processor has no AVX-512

            [  SKIPPED ] Linear.Avx512 (0 ms)
            [  PASSED  ] 1 test.
            [  FAILED  ] Linear.AddsMore/cpu, where GetParam() = cpu
            """);

        IReadOnlyDictionary<string, NativeResult> results =
            GoogleTestProcess.RunAll(["Linear.Adds", "Linear.AddsMore/cpu", "Linear.Avx512"], script.Start);

        Assert.That(script.Starts, Is.EqualTo(new[] { "Linear.Adds:Linear.AddsMore/cpu:Linear.Avx512" }));
        Assert.That(results["Linear.Adds"].Status, Is.EqualTo(TestStatus.Passed));
        Assert.That(results["Linear.AddsMore/cpu"],
            Is.EqualTo(new NativeResult(TestStatus.Failed, "linear_test.cpp:7: Failure\nExpected: 1, actual: 2")));
        Assert.That(results["Linear.Avx512"], Is.EqualTo(new NativeResult(TestStatus.Skipped, "this processor has no AVX-512")));
    }

    [Test]
    public void CrashFailsTheRunningCaseAndTheRestRunsInANewProcess()
    {
        Script script = new("""
            [ RUN      ] A.First
            [       OK ] A.First (0 ms)
            [ RUN      ] A.Crashes
            about to crash
            """, """
            [ RUN      ] A.Last
            [       OK ] A.Last (0 ms)
            """)
        { ExitCodes = [139, 0] };

        IReadOnlyDictionary<string, NativeResult> results = GoogleTestProcess.RunAll(["A.First", "A.Crashes", "A.Last"], script.Start);

        Assert.That(script.Starts, Is.EqualTo(new[] { "A.First:A.Crashes:A.Last", "A.Last" }));
        Assert.That(results["A.First"].Status, Is.EqualTo(TestStatus.Passed));
        Assert.That(results["A.Crashes"].Status, Is.EqualTo(TestStatus.Failed));
        Assert.That(results["A.Crashes"].Text, Does.Contain("exit code 139").And.Contain("about to crash"));
        Assert.That(results["A.Last"].Status, Is.EqualTo(TestStatus.Passed));
    }

    [Test]
    public void ProcessThatFailsAfterItsLastCaseFailsThatCase()
    {
        Script script = new("""
            [ RUN      ] A.First
            [       OK ] A.First (0 ms)
            [ RUN      ] A.Last
            [       OK ] A.Last (0 ms)
            [  PASSED  ] 2 tests.
            ERROR: LeakSanitizer: detected memory leaks
            """)
        { ExitCodes = [1] };

        IReadOnlyDictionary<string, NativeResult> results = GoogleTestProcess.RunAll(["A.First", "A.Last"], script.Start);

        Assert.That(results["A.First"].Status, Is.EqualTo(TestStatus.Passed));
        Assert.That(results["A.Last"].Status, Is.EqualTo(TestStatus.Failed));
        Assert.That(results["A.Last"].Text, Does.Contain("LeakSanitizer"));
    }

    [Test]
    public void ProcessThatRunsNothingFailsEveryCaseOnce()
    {
        Script script = new("cannot open shared object file") { ExitCodes = [127] };

        IReadOnlyDictionary<string, NativeResult> results = GoogleTestProcess.RunAll(["A.First", "A.Last"], script.Start);

        Assert.That(script.Starts, Has.Count.EqualTo(1));
        Assert.That(results.Keys, Is.EqualTo(new[] { "A.First", "A.Last" }));
        foreach (NativeResult result in results.Values)
        {
            Assert.That(result.Status, Is.EqualTo(TestStatus.Failed));
            Assert.That(result.Text, Does.Contain("cannot open shared object file"));
        }
    }

    [Test]
    public void CasesAreGroupedBySuiteAndOtherTestsStayAlone()
    {
        const string Listing = """
            { "tests": [
              { "name": "Exports.cpu", "command": ["cmake", "-P", "x"], "properties": [] },
              { "name": "A.One", "command": ["tests", "--gtest_filter=A.One"], "properties": [] },
              { "name": "B.One/cpu", "command": ["tests", "--gtest_filter=B.One/cpu"], "properties": [] },
              { "name": "A.Two", "command": ["tests", "--gtest_filter=A.Two"], "properties": [] },
              { "name": "A.Long", "command": ["tests", "--gtest_filter=A.Long"],
                "properties": [ { "name": "LABELS", "value": ["Slow"] } ] },
              { "name": "Shuffled.1", "command": ["tests", "--gtest_filter=*/simt_*"],
                "properties": [ { "name": "LABELS", "value": ["Slow"] } ] },
              { "name": "C_NOT_BUILT", "properties": [] } ] }
            """;

        List<NativeSuite> suites = NativeSuite.Read(Listing);

        Assert.That(suites.Select(suite => $"{suite.Name}: {string.Join(' ', suite.Cases)}"), Is.EqualTo(new[]
        {
            "Exports.cpu: Exports.cpu", "A: A.One A.Two", "B: B.One/cpu", "A, Slow: A.Long", "Shuffled.1: Shuffled.1", "C_NOT_BUILT: C_NOT_BUILT",
        }));
        Assert.That(suites.Select(suite => suite.Labels.Count), Is.EqualTo(new[] { 0, 0, 0, 1, 1, 0 }));
        Assert.That(suites[5].ResultOf("C_NOT_BUILT"), Is.EqualTo(new NativeResult(TestStatus.Failed, "the native test was not built")));
    }

    [Test]
    public void TestThatPrintsTheTextOfASkipIsSkippedWithTheRest()
    {
        string[] echo = OperatingSystem.IsWindows() ? ["cmd", "/c", "echo"] : ["echo"];
        string words = string.Join(", ", echo.Append("[  SKIPPED ] no GoogleTest").Select(word => $"\"{word}\""));
        NativeSuite suite = NativeSuite.Read($$"""
            { "tests": [ { "name": "GoogleTest.IsInstalled", "command": [{{words}}],
              "properties": [ { "name": "SKIP_REGULAR_EXPRESSION", "value": ["\\[  SKIPPED \\]"] } ] } ] }
            """).Single();

        Assert.That(suite.ResultOf(suite.Name), Is.EqualTo(new NativeResult(TestStatus.Skipped, "no GoogleTest")));
    }

    [Test]
    public void ListWithoutTestsIsAnError() =>
        Assert.That(() => NativeSuite.Read("""{ "tests": [] }"""), Throws.InvalidOperationException);

    /// <summary>Stands in for a program: each start prints the next output.</summary>
    private sealed class Script(params string[] outputs)
    {
        public int[] ExitCodes { get; init; } = [1];

        public List<string> Starts { get; } = [];

        public Tool.Result Start(IReadOnlyList<string> cases)
        {
            Starts.Add(string.Join(':', cases));
            return new(ExitCodes[Starts.Count - 1], outputs[Starts.Count - 1] + "\n");
        }
    }
}
