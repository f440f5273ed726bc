namespace SoftThinking.Tests;

/// <summary>All that a sample gave, to the last bit, in a form that can be compared and read.</summary>
internal static class Bits
{
    public static string[] Of(GeneratedSample sample) =>
        [.. sample.Steps.Select(Of), $"{sample.FinishReason} {sample.Usage with { CachedTokens = 0 }}"];

    private static string Of(GenerationStep step) =>
        $"{string.Join(',', step.Token.Ids)} {Hex(step.Token.Weights)} {Hex([step.Entropy])} '{step.Text}' "
        + $"{step.Soft} {step.Thinking} {step.Marker} {step.ThinkingEnd} {Of(step.LogProbs)}";

    private static string Of(StepLogProbs? told) => told == null
        ? ""
        : $"{Hex([told.Head])} {string.Join(',', told.Top.Select(top => top.Id))} {Hex(told.Top.Select(top => top.LogProb))}";

    private static string Hex(IEnumerable<float> values) =>
        string.Join(',', values.Select(value => BitConverter.SingleToUInt32Bits(value).ToString("x8")));
}
