using System.Globalization;
using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>The sampling options with their published names. Each sets one property, which defines the default and the
/// range.</summary>
internal static class SamplingTable
{
    private const string Temperature = "Divisor of the logits: 0 (greedy), or 0.0001 to 100.",
        TopP = "Keep the most likely tokens whose probabilities sum to this: above 0, at most 1 (off).",
        TopK = "Keep this many of the most likely tokens; 0 or less is off.",
        MinP = "Drop tokens below this fraction of the highest probability: 0 (off) to 1.";

    public static SamplingKey[] All { get; } = [.. Thinking(), .. StrategyTable.All, .. EndOfThinking(), .. ExitTable.All, .. Answer(), .. Penalties(), Seed()];

    private static SamplingKey[] Thinking() =>
    [
        Flag(SamplingSection.Thinking, "no_soft_thinking",
            "Sample a single token at each position of the thought, too: ordinary chain of thought.",
            o => !o.SoftThinking, (o, v) => o with { SoftThinking = !v }),
        Integer(SamplingSection.Thinking, "max_topk", "Maximum number of tokens in a concept token: 1 to 1024; by default 10, or what the strategy says.",
            o => o.MaxTopk, (o, v) => o with { MaxTopk = v }),
        Real(SamplingSection.Thinking, "temperature", Temperature,
            o => o.Thinking.Temperature, (o, v) => o with { Thinking = o.Thinking with { Temperature = v } }),
        Real(SamplingSection.Thinking, "top_p", TopP,
            o => o.Thinking.TopP, (o, v) => o with { Thinking = o.Thinking with { TopP = v } }),
        Integer(SamplingSection.Thinking, "top_k", TopK,
            o => o.Thinking.TopK, (o, v) => o with { Thinking = o.Thinking with { TopK = v } }),
        Real(SamplingSection.Thinking, "min_p", MinP,
            o => o.Thinking.MinP, (o, v) => o with { Thinking = o.Thinking with { MinP = v } }),
    ];

    private static SamplingKey[] EndOfThinking() =>
    [
        Real(SamplingSection.EndOfThinking, "early_stopping_entropy_threshold",
            "Cold stop: a thought with an entropy below this is certain: 0 (off) to 1000 nats.",
            o => o.EarlyStoppingEntropyThreshold, (o, v) => o with { EarlyStoppingEntropyThreshold = v }),
        Integer(SamplingSection.EndOfThinking, "early_stopping_length_threshold",
            "Cold stop: this many certain thoughts in a row end the thinking: 1 or more.",
            o => o.EarlyStoppingLengthThreshold, (o, v) => o with { EarlyStoppingLengthThreshold = v }),
        Flag(SamplingSection.EndOfThinking, "cold_stop_after_thinking",
            "Let the same number of certain tokens in a row end the answer, too.",
            o => o.ColdStopAfterThinking, (o, v) => o with { ColdStopAfterThinking = v }),
        Integer(SamplingSection.EndOfThinking, "max_thinking_tokens",
            "End the thinking after this many thoughts: 0 or more; no limit by default.",
            o => o.MaxThinkingTokens, (o, v) => o with { MaxThinkingTokens = v }),
        Text(SamplingSection.EndOfThinking, "think_start_str",
            "Marker that starts a thought, at most 16 tokens; by default that of the model's family, such as <think>.",
            o => o.ThinkStart, (o, v) => o with { ThinkStart = v }),
        Text(SamplingSection.EndOfThinking, "think_end_str",
            "Marker that ends a thought, at most 16 tokens; by default that of the model's family, such as </think>.",
            o => o.ThinkEnd, (o, v) => o with { ThinkEnd = v }),
        Text(SamplingSection.EndOfThinking, "think_end_text",
            "Text inserted after the end of thinking when the cold stop or the limit forced it: at most 64 tokens.",
            o => o.ThinkEndText, (o, v) => o with { ThinkEndText = v }),
    ];

    private static SamplingKey[] Answer() =>
    [
        Real(SamplingSection.Answer, "after_thinking_temperature", Temperature,
            o => o.AfterThinking.Temperature, (o, v) => o with { AfterThinking = o.AfterThinking with { Temperature = v } }),
        Real(SamplingSection.Answer, "after_thinking_top_p", TopP,
            o => o.AfterThinking.TopP, (o, v) => o with { AfterThinking = o.AfterThinking with { TopP = v } }),
        Integer(SamplingSection.Answer, "after_thinking_top_k", TopK,
            o => o.AfterThinking.TopK, (o, v) => o with { AfterThinking = o.AfterThinking with { TopK = v } }),
        Real(SamplingSection.Answer, "after_thinking_min_p", MinP,
            o => o.AfterThinking.MinP, (o, v) => o with { AfterThinking = o.AfterThinking with { MinP = v } }),
    ];

    private static SamplingKey[] Penalties() =>
    [
        Real(SamplingSection.Penalties, "repetition_penalty",
            "Divisor of the logits of tokens that occur in the prompt or the output: 0.0001 to 100; 1 is off.",
            o => o.RepetitionPenalty, (o, v) => o with { RepetitionPenalty = v }),
        Real(SamplingSection.Penalties, "frequency_penalty",
            "Subtracted from a token's logit for each of its occurrences in the output: -100 to 100; 0 is off.",
            o => o.FrequencyPenalty, (o, v) => o with { FrequencyPenalty = v }),
        Real(SamplingSection.Penalties, "presence_penalty",
            "Subtracted from the logit of every token that occurs in the output: -100 to 100; 0 is off.",
            o => o.PresencePenalty, (o, v) => o with { PresencePenalty = v }),
        new SamplingKey<IReadOnlyDictionary<int, float>>(SamplingSection.Penalties, "logit_bias",
            "Added to the logits of ids, after the penalties: an object of at most 1024 ids and numbers, -1000 to 1000.",
            o => o.LogitBias.Count > 0 ? o.LogitBias : null, (o, v) => o with { LogitBias = v }, ReadBiases, WriteBiases),
    ];

    private static SamplingKey<ulong> Seed() => new(SamplingSection.Randomness, "seed",
        "Seed of all randomness, 0 or more: the same seed yields the same output.",
        o => o.Seed, (o, v) => o with { Seed = v }, field => field.Number<ulong>(), (json, v) => json.WriteNumberValue(v));

    private static SamplingKey<float> Real(
        SamplingSection section, string name, string description, Func<SamplingOptions, object?> get,
        Func<SamplingOptions, float, SamplingOptions> set) =>
        new(section, name, description, get, set, field => field.Number<float>(), (json, value) => json.WriteNumberValue(value));

    private static SamplingKey<int> Integer(
        SamplingSection section, string name, string description, Func<SamplingOptions, object?> get,
        Func<SamplingOptions, int, SamplingOptions> set) =>
        new(section, name, description, get, set, field => field.Number<int>(), (json, value) => json.WriteNumberValue(value));

    private static SamplingKey<string> Text(
        SamplingSection section, string name, string description, Func<SamplingOptions, object?> get,
        Func<SamplingOptions, string, SamplingOptions> set) =>
        new(section, name, description, get, set, field => field.Text(), (json, value) => json.WriteStringValue(value));

    private static SamplingKey<bool> Flag(
        SamplingSection section, string name, string description, Func<SamplingOptions, object?> get,
        Func<SamplingOptions, bool, SamplingOptions> set) =>
        new(section, name, description, get, set, field => field.Flag(), (json, value) => json.WriteBooleanValue(value));

    private static Dictionary<int, float> ReadBiases(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Object)
            throw field.Wrong("an object of token ids and numbers");
        Dictionary<int, float> biases = [];
        foreach (JsonField entry in field.Fields())
        {
            if (!int.TryParse(entry.Key, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                throw new JsonFieldException(field.Key, $"{field.Key} has the key \"{entry.Key}\", which is not a token id");
            biases[id] = (entry with { Key = $"{field.Key}.{entry.Key}" }).Number<float>();
        }
        return biases;
    }

    private static void WriteBiases(Utf8JsonWriter json, IReadOnlyDictionary<int, float> biases)
    {
        json.WriteStartObject();
        foreach ((int id, float bias) in biases.OrderBy(entry => entry.Key))
            json.WriteNumber(id.ToString(CultureInfo.InvariantCulture), bias);
        json.WriteEndObject();
    }

    internal static IReadOnlyList<int> ReadIds(JsonField field) => [.. field.Elements().Select(id => id.Number<int>())];

    internal static void WriteIds(Utf8JsonWriter json, IReadOnlyList<int> ids)
    {
        json.WriteStartArray();
        foreach (int id in ids)
            json.WriteNumberValue(id);
        json.WriteEndArray();
    }
}
