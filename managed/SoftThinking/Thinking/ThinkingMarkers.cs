using SoftThinking.Files;
using SoftThinking.Tokenization;

namespace SoftThinking.Thinking;

/// <summary>A marker of a thought: its text, and its ids, one for most models.</summary>
internal sealed record Marker(string Text, int[] Ids);

/// <summary>The markers of a model's thoughts.</summary>
/// <param name="Start">Null where none is known.</param>
/// <param name="End">Null where none is known; then thinking cannot be ended from outside.</param>
internal sealed record ThinkingMarkers(Marker? Start, Marker? End)
{
    /// <summary>Most ids of a marker (ST_MAX_MARKER).</summary>
    public const int MaxIds = 16;

    // Markers of published families of models.
    private static readonly (string Start, string End)[] Families =
    [
        ("<think>", "</think>"), // Qwen3, QwQ, DeepSeek-R1, Phi-4-reasoning, SmolLM3, Nemotron, OLMo 3 …
        ("[THINK]", "[/THINK]"), // Magistral
        ("<thought>", "</thought>"), // EXAONE Deep
        ("<seed:think>", "</seed:think>"), // Seed-OSS
        ("◁think▷", "◁/think▷"), // Kimi
        ("<|START_THINKING|>", "<|END_THINKING|>"), // Command A Reasoning
        ("Here is my thought process:", "Here is my response:"), // Granite 3.2
    ];

    /// <summary>The markers that a request names, completed by those of their family or else of the model's: the family whose markers
    /// its chat template writes, or else the one whose end marker is a token of its vocabulary.</summary>
    /// <param name="template">Source of the model's chat template; null for none.</param>
    /// <exception cref="RequestOptionException">A marker has too many tokens.</exception>
    public static ThinkingMarkers Resolve(Tokenizer tokenizer, string? template, string? start, string? end)
    {
        (string? familyStart, string? familyEnd) = Families.FirstOrDefault(family => family.Start == start || family.End == end);
        if (familyStart == null)
            (familyStart, familyEnd) = FamilyOf(tokenizer, template);
        return new ThinkingMarkers(Encode(tokenizer, start ?? familyStart, RequestOption.ThinkStart), Encode(tokenizer, end ?? familyEnd, RequestOption.ThinkEnd));
    }

    private static (string? Start, string? End) FamilyOf(Tokenizer tokenizer, string? template)
    {
        foreach ((string start, string end) in Families)
        {
            if (template != null && (template.Contains(end, StringComparison.Ordinal) || template.Contains(start, StringComparison.Ordinal)))
                return (start, end);
        }
        foreach ((string start, string end) in Families)
        {
            if (tokenizer.TokenId(end) != null)
                return (start, end);
        }
        return default;
    }

    private static Marker? Encode(Tokenizer tokenizer, string? text, RequestOption option)
    {
        if (text == null)
            return null;
        int[] ids = tokenizer.EncodeContinuation(text);
        return ids.Length is >= 1 and <= MaxIds
            ? new Marker(text, ids)
            : throw option.Error($"{HostileText.Quote(text)} is {ids.Length} tokens of this model; it must be 1 to {MaxIds}");
    }
}
