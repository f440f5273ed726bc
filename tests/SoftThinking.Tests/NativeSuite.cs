using System.ComponentModel;
using System.Text.Json;
using System.Text.RegularExpressions;
using NUnit.Framework.Interfaces;

namespace SoftThinking.Tests;

/// <summary>The result of one native test.</summary>
/// <param name="Status">Passed, failed or skipped.</param>
/// <param name="Text">Why it was skipped, or what it printed before it failed.</param>
public sealed record NativeResult(TestStatus Status, string Text);

/// <summary>Native tests that run in one process, when the result of the first of them is asked for: the cases of a
/// GoogleTest suite, or a single test of another kind.</summary>
public sealed class NativeSuite
{
    private readonly Lazy<IReadOnlyDictionary<string, NativeResult>> _results;

    /// <param name="name">Name of the suite.</param>
    /// <param name="cases">Full names of its cases.</param>
    /// <param name="run">Returns the result of every case.</param>
    public NativeSuite(string name, IReadOnlyList<string> cases, Func<IReadOnlyDictionary<string, NativeResult>> run)
    {
        Name = name;
        Cases = cases;
        _results = new(run);
    }

    public string Name { get; }

    public IReadOnlyList<string> Cases { get; }

    /// <summary>CTest's labels, which become categories.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];

    /// <summary>The result of a case; the first call runs the whole suite.</summary>
    public NativeResult ResultOf(string name) => _results.Value[name];

    public override string ToString() => Name;

    /// <summary>A suite whose only case, of the same name, fails with a reason.</summary>
    public static NativeSuite Failing(string name, string reason) =>
        Single(name, () => new(TestStatus.Failed, reason), []);

    /// <summary>Asks CTest for the tests of one build folder.</summary>
    /// <param name="folder">The build folder.</param>
    /// <param name="buildType">CMake's configuration, which matters only for folders that hold several.</param>
    /// <exception cref="InvalidOperationException">CTest is not installed, failed, or knows no test.</exception>
    public static List<NativeSuite> List(string folder, string buildType)
    {
        if (!Directory.Exists(folder))
            throw new InvalidOperationException("the folder does not exist");
        try
        {
            Tool.Result listing = Tool.Run(["ctest", "--test-dir", folder, "-C", buildType, "--show-only=json-v1"]);
            return listing.ExitCode == 0 ? Read(listing.Output) : throw new InvalidOperationException(listing.Output);
        }
        catch (Exception error) when (error is Win32Exception or JsonException)
        {
            throw new InvalidOperationException(error.Message, error);
        }
    }

    /// <summary>Reads the list that CTest prints.</summary>
    /// <exception cref="InvalidOperationException">The list is empty.</exception>
    public static List<NativeSuite> Read(string listing)
    {
        using JsonDocument json = JsonDocument.Parse(listing);
        List<NativeSuite> suites =
        [
            .. json.RootElement.GetProperty("tests").EnumerateArray().Select(CTestEntry.Read)
                .GroupBy(entry => entry.SuiteKey).Select(group => Of([.. group])),
        ];
        return suites.Count > 0 ? suites : throw new InvalidOperationException("CTest knows no test there");
    }

    private static NativeSuite Of(List<CTestEntry> entries)
    {
        CTestEntry first = entries[0];
        List<string> cases = [.. entries.Select(entry => entry.Name)];
        string[] labels = first.Labels;
        return first.GoogleTestSuite is { } suite
            ? new(string.Join(", ", labels.Prepend(suite)), cases, () => GoogleTestProcess.RunAll(cases, first.Start)) { Labels = labels }
            : Single(first.Name, first.Run, labels);
    }

    private static NativeSuite Single(string name, Func<NativeResult> run, string[] labels) =>
        new(name, [name], () => new Dictionary<string, NativeResult> { [name] = run() }) { Labels = labels };

    /// <summary>A test as CTest lists it.</summary>
    private sealed record CTestEntry(string Name, string[] Command, Dictionary<string, JsonElement> Properties)
    {
        private const string Filter = "--gtest_filter=";

        public static CTestEntry Read(JsonElement test) => new(
            test.GetProperty("name").GetString()!,
            // A test whose executable was not built has a name and no command.
            test.TryGetProperty("command", out JsonElement command) ? Strings(command) : [],
            test.GetProperty("properties").EnumerateArray()
                .ToDictionary(each => each.GetProperty("name").GetString()!, each => each.GetProperty("value").Clone()));

        /// <summary>The suite, where this is one case of GoogleTest's.</summary>
        public string? GoogleTestSuite => Command.Contains(Filter + Name) ? Name[..Name.IndexOf('.')] : null;

        public string[] Labels => StringsOf("LABELS");

        /// <summary>Equal for the entries that one process runs: cases of a suite with the same labels.</summary>
        public string SuiteKey => GoogleTestSuite is { } suite ? $"{Command[0]}\n{suite}\n{string.Join(',', Labels)}" : Name;

        /// <summary>Runs the test alone.</summary>
        public NativeResult Run()
        {
            if (Command.Length == 0)
                return new(TestStatus.Failed, "the native test was not built");
            if (Properties.TryGetValue("DISABLED", out JsonElement disabled) && disabled.GetBoolean())
                return new(TestStatus.Skipped, "disabled in the native build");
            TimeSpan? limit = Properties.TryGetValue("TIMEOUT", out JsonElement seconds)
                ? TimeSpan.FromSeconds(seconds.GetDouble())
                : null;
            (int exitCode, string output) = Start(Command, limit);
            bool skippedByCode = Properties.TryGetValue("SKIP_RETURN_CODE", out JsonElement code) && exitCode == code.GetInt32();
            bool skippedByText = exitCode == 0 && StringsOf("SKIP_REGULAR_EXPRESSION").Any(each => Regex.IsMatch(output, each));
            if (skippedByCode || skippedByText)
                return new(TestStatus.Skipped, output.Replace("[  SKIPPED ]", "").Trim());
            return new(exitCode == 0 ? TestStatus.Passed : TestStatus.Failed, $"{string.Join(' ', Command)}\n{output}");
        }

        /// <summary>Starts the program with a list of cases in place of this one.</summary>
        public Tool.Result Start(IReadOnlyList<string> cases) => Start(
            [.. Command.Select(word => word == Filter + Name ? Filter + string.Join(':', cases) : word)],
            // Far more than any suite needs, even with a sanitizer; a test that hangs ends here.
            TimeSpan.FromMinutes(15));

        private Tool.Result Start(string[] command, TimeSpan? limit)
        {
            string? folder = Properties.TryGetValue("WORKING_DIRECTORY", out JsonElement path) ? path.GetString() : null;
            IEnumerable<KeyValuePair<string, string?>> environment = StringsOf("ENVIRONMENT")
                .Select(pair => pair.Split('=', 2))
                .Select(pair => KeyValuePair.Create(pair[0], pair.ElementAtOrDefault(1)));
            try
            {
                return Tool.Run(command, folder, environment, limit);
            }
            catch (Exception error) when (error is TimeoutException or Win32Exception)
            {
                return new(-1, error.Message); // with what the program had printed
            }
        }

        private string[] StringsOf(string property) =>
            Properties.TryGetValue(property, out JsonElement values) ? Strings(values) : [];

        private static string[] Strings(JsonElement values) => [.. values.EnumerateArray().Select(each => each.GetString()!)];
    }
}
