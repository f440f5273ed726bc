using System.ComponentModel;
using System.Text.Json;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>Every native test as a case of its own, so that one command runs all tests and counts them.</summary>
public class NativeTests
{
    [TestCaseSource(nameof(List))]
    public void Native(NativeTest test) => test.Run();

    /// <summary>The tests that CTest knows in the native build of this configuration. Where that cannot be told, one case
    /// that fails and says why, because an empty list would look like success.</summary>
    private static IEnumerable<TestCaseData> List()
    {
        string folder = Path.Combine(TestData.RepositoryRoot, "build", TestData.Configuration);
        List<NativeTest> tests;
        try
        {
            tests = NativeTest.List(folder, TestData.Configuration == "Debug" ? "RelWithDebInfo" : "Release");
        }
        catch (Exception error) when (error is Win32Exception or JsonException or InvalidOperationException or TimeoutException)
        {
            tests = [new NativeTest("ctest", () => Assert.Fail($"the native tests in {folder} cannot be listed: {error.Message}"))];
        }
        return tests.Select(test => new TestCaseData(test).SetArgDisplayNames(test.ToString()));
    }

    [Test]
    public void ReasonOfASkippedGoogleTestIsFound()
    {
        const string Output = """
            [ RUN      ] Linear.Avx512
            linear_test.cpp:12: Skipped
            this processor has no AVX-512

            [  SKIPPED ] Linear.Avx512 (0 ms)
            [  PASSED  ] 0 tests.
            [  SKIPPED ] 1 test, listed below:
            """;
        Assert.That(NativeTest.ReasonOfSkip(Output), Is.EqualTo("this processor has no AVX-512"));
    }

    [Test]
    public void ReasonOfAnythingElseSkippedIsItsOutput() =>
        Assert.That(NativeTest.ReasonOfSkip("[  SKIPPED ] no GoogleTest\n"), Is.EqualTo("no GoogleTest"));
}

/// <summary>One native test, and what CTest says about how to run it.</summary>
public sealed partial class NativeTest(string name, Action run)
{
    public void Run() => run();

    public override string ToString() => name;

    /// <summary>Asks CTest for the tests of one build folder.</summary>
    /// <param name="folder">The build folder.</param>
    /// <param name="buildType">CMake's configuration, which only folders that hold several care for.</param>
    /// <exception cref="InvalidOperationException">CTest failed, or knows no test.</exception>
    /// <exception cref="Win32Exception">CTest is not installed.</exception>
    public static List<NativeTest> List(string folder, string buildType)
    {
        if (!Directory.Exists(folder))
            throw new InvalidOperationException("the folder is absent");
        Tool.Result listing = Tool.Run(["ctest", "--test-dir", folder, "-C", buildType, "--show-only=json-v1"]);
        if (listing.ExitCode != 0)
            throw new InvalidOperationException(listing.Output);
        using JsonDocument json = JsonDocument.Parse(listing.Output);
        List<NativeTest> tests = [.. json.RootElement.GetProperty("tests").EnumerateArray().Select(Read)];
        return tests.Count > 0 ? tests : throw new InvalidOperationException("CTest knows no test there");
    }

    private static NativeTest Read(JsonElement test)
    {
        string name = test.GetProperty("name").GetString()!;
        // A test whose executable was not built has a name and no command.
        if (!test.TryGetProperty("command", out JsonElement command))
            return new(name, () => Assert.Fail("the native test was not built"));

        string[] words = Strings(command);
        Dictionary<string, JsonElement> properties = test.GetProperty("properties").EnumerateArray()
            .ToDictionary(each => each.GetProperty("name").GetString()!, each => each.GetProperty("value").Clone());
        return new(name, () => Run(words, properties));
    }

    private static void Run(string[] command, Dictionary<string, JsonElement> properties)
    {
        if (properties.TryGetValue("DISABLED", out JsonElement disabled) && disabled.GetBoolean())
            Assert.Ignore("disabled in the native build");
        string? folder = properties.TryGetValue("WORKING_DIRECTORY", out JsonElement path) ? path.GetString() : null;
        TimeSpan? timeout = properties.TryGetValue("TIMEOUT", out JsonElement limit)
            ? TimeSpan.FromSeconds(limit.GetDouble())
            : null;
        IEnumerable<KeyValuePair<string, string?>> environment = Strings(properties, "ENVIRONMENT")
            .Select(pair => pair.Split('=', 2))
            .Select(pair => KeyValuePair.Create(pair[0], pair.ElementAtOrDefault(1)));

        (int exitCode, string output) = Tool.Run(command, folder, environment, timeout);

        bool skippedByCode = properties.TryGetValue("SKIP_RETURN_CODE", out JsonElement code) && exitCode == code.GetInt32();
        bool skippedByText = Strings(properties, "SKIP_REGULAR_EXPRESSION").Any(each => Regex.IsMatch(output, each));
        if (skippedByCode || (skippedByText && exitCode == 0))
            Assert.Ignore(ReasonOfSkip(output));
        Assert.That(exitCode, Is.Zero, $"{string.Join(' ', command)}\n{output}");
    }

    /// <summary>Why a test was skipped: what GoogleTest prints between the start and the end of the test, without the
    /// place in the source; for anything else all that it printed.</summary>
    public static string ReasonOfSkip(string output)
    {
        Match match = GoogleTestSkip().Match(output);
        string reason = match.Success ? match.Groups["reason"].Value : output.Replace("[  SKIPPED ]", "");
        return reason.Trim();
    }

    [GeneratedRegex(@"^\[ RUN[^\n]*\n([^\n]*Skipped\r?\n)?(?<reason>.*?)^\[  SKIPPED \]", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex GoogleTestSkip();

    private static string[] Strings(Dictionary<string, JsonElement> properties, string name) =>
        properties.TryGetValue(name, out JsonElement values) ? Strings(values) : [];

    private static string[] Strings(JsonElement values) => [.. values.EnumerateArray().Select(each => each.GetString()!)];
}
