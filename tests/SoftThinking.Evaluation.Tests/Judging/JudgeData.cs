using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>A case of the golden files.</summary>
internal sealed record JudgeCase(
    string Id, string Prediction, string Reference, bool Equal, string Form, bool Disputed, IReadOnlyDictionary<string, string>? Choices);

/// <summary>Files with cases, outside the repository.</summary>
internal static class JudgeData
{
    /// <summary>The cases of a golden file; the test is skipped where the files are not available.</summary>
    public static IReadOnlyList<JudgeCase> Golden(string file)
    {
        var golden = Environment.GetEnvironmentVariable("SOFTTHINKING_GOLDEN");
        var path = golden is null ? Path.Combine(SharedFiles.Root, "golden", "judge", file) : Path.Combine(golden, "judge", file);
        if (!File.Exists(path))
            Assert.Ignore($"'{path}' does not exist; set SOFTTHINKING_GOLDEN or SOFTTHINKING_SHARED to run this test.");
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return [.. document.RootElement.EnumerateArray().Select(Read)];
    }

    /// <summary>The references of a data set.</summary>
    public static IReadOnlyList<string> References(string dataset)
    {
        var path = SharedFiles.Dataset(dataset);
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return [.. document.RootElement.EnumerateArray().Select(item => item.GetProperty("final_answer").GetString()!)];
    }

    private static JudgeCase Read(JsonElement item) => new(
        item.GetProperty("id").GetString()!,
        item.GetProperty("prediction").GetString()!,
        item.GetProperty("reference").GetString()!,
        item.GetProperty("equal").GetBoolean(),
        item.TryGetProperty("form", out var form) ? form.GetString()! : "completion",
        item.TryGetProperty("disputed", out var disputed) && disputed.GetBoolean(),
        item.TryGetProperty("choices", out var choices)
            ? choices.EnumerateObject().ToDictionary(choice => choice.Name, choice => choice.Value.GetString()!)
            : null);
}
