using System.Runtime.InteropServices;

namespace SoftThinking.Tests;

/// <summary>Everything that a sample reports, to the last bit, in a form that can be compared and read.</summary>
internal static class Bits
{
    public static string[] Of(GeneratedSample sample) =>
        [.. sample.Tokens.Select(Of), $"{sample.Seed} {sample.FinishReason} {sample.Stop} {sample.Usage with { CachedTokens = 0 }} {sample.Confidence}"];

    public static bool Same(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));

    private static string Of(GeneratedToken token) =>
        $"{token.Token.Token} {string.Join(',', token.Token.Entries.Select(entry => entry.Id))} {Hex(token.Token.Entries.Select(entry => entry.Weight))} "
        + $"{Hex([token.Entropy])} '{token.Text}' {token.Soft} {token.Thinking} {token.Marker} {token.ThinkingEnd} {Of(token.LogProbs)} {Of(token.Record)}";

    private static string Of(TokenLogProbs? logProbs) => logProbs == null
        ? ""
        : $"{Hex([logProbs.Token])} {string.Join(',', logProbs.Top.Select(top => top.Id))} {Hex(logProbs.Top.Select(top => top.LogProb))}";

    private static string Of(TokenRecord? record) => record == null
        ? ""
        : $"{Hex([record.Entropy1, record.PMax, record.PMax1, record.LogSumExp, record.LogSumExp1, record.Confidence, record.EntropyTop20])} "
            + $"{Hex([record.EntropyKept, record.TokenLogP1, record.LogProb])} {Hex(record.LogP1)} {Hex(record.LogPt)} {Hex(record.Scores)} "
            + $"{record.Mixed} {record.Forced} {record.Stop} {record.Hard} {record.Switched}";

    private static string Hex(IEnumerable<float> values) =>
        string.Join(',', values.Select(value => BitConverter.SingleToUInt32Bits(value).ToString("x8")));
}
