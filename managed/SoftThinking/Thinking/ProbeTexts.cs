using SoftThinking.Tokenization;

namespace SoftThinking.Thinking;

/// <summary>What the probes of early exits feed to the model. Empty where there are none.</summary>
/// <param name="Eat">Ids of a probe after a thought: the marker that ends it, then a text.</param>
/// <param name="Deer">Ids of a probe in place of a thought.</param>
/// <param name="MaxRows">Most positions that a probe takes behind a sequence.</param>
internal sealed record ProbeTexts(int[] Eat, int[] Deer, int MaxRows)
{
    /// <exception cref="RequestOptionException">A text has too many tokens; or that of a probe in place of a thought has none.</exception>
    public static ProbeTexts Make(SamplingOptions options, ThinkingMarkers markers, Tokenizer tokenizer)
    {
        if (markers.End == null)
            return new ProbeTexts([], [], 0);
        int[] eat = options.Eat == null ? [] : [.. markers.End.Ids, .. ForcedTexts.Encode(tokenizer, options.Eat.ProbeText, RequestOption.EatProbeText)];
        int[] deer = options.Deer == null ? [] : ForcedTexts.Encode(tokenizer, options.Deer.ProbeText, RequestOption.DeerProbeText);
        if (options.Deer != null && deer.Length == 0)
            throw RequestOption.DeerProbeText.Error("is empty; a probe needs a text");
        return new ProbeTexts(eat, deer, Math.Max(eat.Length, deer.Length + (options.Deer?.ProbeTokens ?? 0)));
    }
}
