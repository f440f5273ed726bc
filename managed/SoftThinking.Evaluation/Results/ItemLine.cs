using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Results;

/// <summary>Reads a line of a log, which may hold anything.</summary>
internal static class ItemLine
{
    /// <returns>Null where the line holds no whole item.</returns>
    public static ItemResult? Parse(byte[] line)
    {
        try
        {
            JsonElement json = UntrustedJson.Parse(line);
            if (UntrustedJson.FindProblem(json) != null)
                return null;
            ItemResult? item = json.Deserialize(ResultsJson.Line.ItemResult);
            return item != null && IsWhole(item) ? item : null;
        }
        catch (Exception error) when (error is FormatException or JsonException)
        {
            return null;
        }
    }

    // What the parser accepts and no writer writes: keys that are absent, null in lists, numbers that overflow or name no value.
    private static bool IsWhole(ItemResult item) =>
        item is { Index: >= 0, Samples.Count: > 0, Groups: not null }
        && (item.Reference is JsonObject || item.Reference.GetValueKind() == JsonValueKind.String)
        && item.Groups.Values.All(value => value != null)
        && item.Samples.All(IsWhole);

    private static bool IsWhole(SampleResult? sample) =>
        sample is { ThinkingTokens: >= 0, AnswerTokens: >= 0, Mixtures: null or >= 0, Verdict: not null }
        && (long)sample.ThinkingTokens + sample.AnswerTokens <= int.MaxValue
        && double.IsFinite(sample.MeanEntropy ?? 0)
        && Enum.IsDefined(sample.Verdict.Outcome)
        && (sample.ModelVerdict == null || Enum.IsDefined(sample.ModelVerdict.Outcome))
        && (sample.Trace == null || sample.Trace.All(IsWhole));

    private static bool IsWhole(TracedToken? token) =>
        token != null && float.IsFinite(token.Entropy) && token.Entries.All(entry => entry != null && float.IsFinite(entry.Weight));
}
