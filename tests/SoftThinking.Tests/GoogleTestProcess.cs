using NUnit.Framework.Interfaces;

namespace SoftThinking.Tests;

/// <summary>Runs cases of GoogleTest in as few processes as possible, and reads their results from the output. The output,
/// and not GoogleTest's JSON: that is written at the end, which a crash prevents, and lacks the reasons of skipped tests.
/// </summary>
internal static class GoogleTestProcess
{
    private const string Begin = "[ RUN      ] ";

    private static readonly (string Marker, TestStatus Status)[] Ends =
    [
        ("[       OK ] ", TestStatus.Passed),
        ("[  FAILED  ] ", TestStatus.Failed),
        ("[  SKIPPED ] ", TestStatus.Skipped),
    ];

    /// <summary>Runs every case. One that ends the process has failed, and those after it run in a new process.</summary>
    /// <param name="cases">Full names of the cases.</param>
    /// <param name="start">Runs a process with the given cases.</param>
    public static IReadOnlyDictionary<string, NativeResult> RunAll(IReadOnlyList<string> cases,
        Func<IReadOnlyList<string>, Tool.Result> start)
    {
        Dictionary<string, NativeResult> results = [];
        List<string> left = [.. cases];
        while (left.Count > 0)
        {
            Tool.Result process = start(left);
            Dictionary<string, NativeResult> found = Read(left, process);
            if (found.Count == 0)
                found = left.ToDictionary(name => name, _ => Failure("the test did not start", process, process.Output));
            foreach ((string name, NativeResult result) in found)
                results[name] = result;
            left.RemoveAll(found.ContainsKey);
        }
        return results;
    }

    /// <summary>The results of the cases that began.</summary>
    private static Dictionary<string, NativeResult> Read(List<string> cases, Tool.Result process)
    {
        string output = process.Output.ReplaceLineEndings("\n");
        Dictionary<string, NativeResult> results = [];
        (string Name, int End) last = ("", -1);
        foreach (string name in cases)
        {
            int begin = output.IndexOf($"{Begin}{name}\n", StringComparison.Ordinal);
            if (begin < 0)
                continue;
            begin = output.IndexOf('\n', begin) + 1;
            (int end, TestStatus status) = FindEnd(output, begin, name);
            results[name] = end >= 0
                ? Result(status, output[begin..end])
                : Failure("the process ended during the test", process, output[begin..]);
            if (Math.Max(begin, end) > last.End)
                last = (name, Math.Max(begin, end));
        }
        // What a process finds at its end, a leak for instance, would otherwise pass unseen.
        if (process.ExitCode != 0 && results.Count > 0 && results.Values.All(result => result.Status != TestStatus.Failed))
            results[last.Name] = Failure("the process failed after this test, its last one", process, output[last.End..]);
        return results;
    }

    private static (int End, TestStatus Status) FindEnd(string output, int begin, string name)
    {
        foreach ((string marker, TestStatus status) in Ends)
        {
            // A name is followed by its duration, after the parameter where there is one.
            foreach (string next in new[] { " (", ", where " })
            {
                int end = output.IndexOf($"{marker}{name}{next}", begin, StringComparison.Ordinal);
                if (end >= 0)
                    return (end, status);
            }
        }
        return (-1, TestStatus.Failed);
    }

    private static NativeResult Result(TestStatus status, string text)
    {
        // The reason of a skip follows a line with the place in the source: "support.cpp:410: Skipped".
        int place = status == TestStatus.Skipped ? text.IndexOf("Skipped\n", StringComparison.Ordinal) : -1;
        return new(status, (place < 0 ? text : text[(place + "Skipped\n".Length)..]).Trim());
    }

    private static NativeResult Failure(string what, Tool.Result process, string output) =>
        new(TestStatus.Failed, $"{what}, exit code {process.ExitCode}\n{output}");
}
