using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Evaluation.Tests.Judging;

/// <summary>A case of the golden files.</summary>
internal sealed record JudgeCase(
    string Id, string Prediction, string Reference, bool Equal, string Form, bool Disputed, IReadOnlyDictionary<string, string>? Choices);

/// <summary>Files with cases and references.</summary>
internal static class JudgeData
{
    /// <summary>The cases of a golden file; the test is skipped where the files are not available.</summary>
    public static IReadOnlyList<JudgeCase> Golden(string file)
    {
        if (TestData.FindGolden("judge") is not string folder)
        {
            Assert.Ignore("no golden data of the judge: tests/data/judge, or SOFTTHINKING_GOLDEN/judge");
            return [];
        }
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, file)));
        return [.. document.RootElement.EnumerateArray().Select(Read)];
    }

    /// <summary>The references of a data set.</summary>
    public static IReadOnlyList<string> References(string dataset)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(SharedFiles.Dataset(dataset)));
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
