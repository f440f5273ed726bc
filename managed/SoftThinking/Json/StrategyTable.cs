using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>The parameters of the thinking strategies with their published names. A parameter belongs to some strategies, and is refused with
/// any other.</summary>
internal static class StrategyTable
{
    private static IReadOnlyList<ThinkingStrategy> Published => ThinkingStrategy.Published;

    /// <summary>The key that selects the strategy, and is read before its parameters.</summary>
    public const string Key = "strategy";

    public static SamplingKey[] All { get; } = [Strategy(), .. Noise(), .. Mixtures(), .. Switches()];

    private static SamplingKey<string> Strategy() => new(SamplingSection.Strategy, Key,
        $"What a thought feeds to the next step: {string.Join(", ", Published.Select(strategy => strategy.Name))}.",
        o => o.Strategy.Name, (o, name) => o.Strategy.Name == name ? o : o with { Strategy = Find(name) },
        field => field.Text(), (json, name) => json.WriteStringValue(name));

    private static ThinkingStrategy Find(string name) => Published.FirstOrDefault(strategy => strategy.Name == name)
        ?? throw new ArgumentOutOfRangeException(nameof(SamplingOptions.Strategy),
            $"{nameof(SamplingOptions.Strategy)} must be {string.Join(", ", Published.SkipLast(1).Select(strategy => strategy.Name))} or {Published[^1].Name}, not '{name}'");

    private static SamplingKey[] Noise() =>
    [
        Real("dirichlet_alpha", "Concentration of Dirichlet noise, smaller is noisier. With soft: 0 (off) to 1000000. With dirichlet: 0.0001 to 1000000, by default 1.",
            In<SoftStrategy, float>(s => s.DirichletAlpha, (s, v) => s with { DirichletAlpha = v }),
            In<DirichletStrategy, float>(s => s.DirichletAlpha, (s, v) => s with { DirichletAlpha = v })),
        Real("gumbel_softmax_temperature", "Temperature of Gumbel-softmax noise on the mixtures of soft: 0 (off), or 0.0001 to 100.",
            In<SoftStrategy, float>(s => s.GumbelSoftmaxTemperature, (s, v) => s with { GumbelSoftmaxTemperature = v })),
        Real("gumbel_temperature", "Temperature of the softmax of gumbel [0.5], latent-grpo [1], soft-grpo [0.1]: 0.0001 to 100.",
            In<GumbelStrategy, float>(s => s.GumbelTemperature, (s, v) => s with { GumbelTemperature = v }),
            In<PerturbedStrategy, float>(s => s.GumbelTemperature, (s, v) => s with { GumbelTemperature = v })),
        Real("noise_scale", "Factor of the noise of latent-grpo and soft-grpo: 0 (none) to 100. [1]",
            In<PerturbedStrategy, float>(s => s.NoiseScale, (s, v) => s with { NoiseScale = v })),
        Of("noise_clamp", "Bounds of the noise of latent-grpo and soft-grpo: two ascending numbers, -1000 to 1000. [-1.5, 3]", ReadBounds, WriteBounds,
            In<PerturbedStrategy, (float, float)>(s => s.NoiseClamp, (s, v) => s with { NoiseClamp = v })),
        Flag("one_sided", "Whether the noise of latent-grpo only raises scores. [true]",
            In<LatentGrpoStrategy, bool>(s => s.OneSided, (s, v) => s with { OneSided = v })),
    ];

    private static SamplingKey[] Mixtures() =>
    [
        Real("beta", "Weight of the drawn token in mixture-of-inputs: 0 to 100. [1]",
            In<MixtureOfInputsStrategy, float>(s => s.Beta, (s, v) => s with { Beta = v })),
        Choice("mixture", "Mixture of mixture-of-inputs: posterior, or direct, the distribution alone. [posterior]", "posterior", "direct",
            (MixtureOfInputsStrategy s) => s.Direct, (s, v) => s with { Direct = v }),
        Choice("scope", "Tokens that mixture-of-inputs mixes: all, or thinking. [all]", "thinking", "all",
            (MixtureOfInputsStrategy s) => s.AfterThinking, (s, v) => s with { AfterThinking = v }),
        Choice("weighting", "Weights of multiplex: probability, or uniform. [probability]", "probability", "uniform",
            (MultiplexStrategy s) => s.UniformWeights, (s, v) => s with { UniformWeights = v }),
        Real("mask_threshold", "Entropy up to which multiplex draws one token: 0 to 1000 nats, or -1 for never. [-1]",
            In<MultiplexStrategy, float>(s => s.MaskThreshold ?? -1, (s, v) => s with { MaskThreshold = v == -1 ? null : v })),
        Real("router_threshold", "Largest probability from which think-router mixes: 0 to 1. [0.5]",
            In<ThinkRouterStrategy, float>(s => s.RouterThreshold, (s, v) => s with { RouterThreshold = v })),
    ];

    private static SamplingKey[] Switches() =>
    [
        Integer("window", "Fewest single tokens before swireasoning mixes again: 1 or more. [512]",
            In<SwiReasoningStrategy, int>(s => s.Window, (s, v) => s with { Window = v })),
        Real("alpha_0", "Share that a mixture of swireasoning keeps when it begins: 0 to 1. [1]",
            In<SwiReasoningStrategy, float>(s => s.Alpha0, (s, v) => s with { Alpha0 = v })),
        Real("beta_0", "Share that a mixture of swireasoning keeps when it ends: 0 to 1. [0.7]",
            In<SwiReasoningStrategy, float>(s => s.Beta0, (s, v) => s with { Beta0 = v })),
        Integer("start_blend_id", "Id that the first mixture of swireasoning is blended with, or -1 for none; by default that of a backslash and an n.",
            In<SwiReasoningStrategy, int>(s => s.StartBlendId, (s, v) => s with { StartBlendId = v })),
        Of("hard_ids", "Ids that swireasoning never mixes: an array of at most 1024.", SamplingTable.ReadIds, SamplingTable.WriteIds,
            In<SwiReasoningStrategy, IReadOnlyList<int>>(s => s.HardIds, (s, v) => s with { HardIds = v })),
        Integer("max_switch_count", "Switches of swireasoning from which the thinking is ended: 1 or more, or 0 for no limit. [0]",
            In<SwiReasoningStrategy, int>(s => s.MaxSwitchCount, (s, v) => s with { MaxSwitchCount = v })),
        Choice("convergence", "Whether such an end of swireasoning ends the thinking (end) or is a hint. [end]", "end", "hint",
            (SwiReasoningStrategy s) => s.ConvergenceIsHint, (s, v) => s with { ConvergenceIsHint = v }),
        Text("final_text", "Text after the end of thinking at more than twice max_switch_count: at most 64 tokens.",
            (SwiReasoningStrategy s) => s.FinalText, (s, v) => s with { FinalText = v }),
        Integer("final_tokens", "Tokens of a sample of swireasoning from there on: 1 or more. [32]",
            In<SwiReasoningStrategy, int>(s => s.FinalTokens, (s, v) => s with { FinalTokens = v })),
    ];

    /// <summary>A parameter in one kind of strategy.</summary>
    private sealed record Place<T>(Type Strategy, Func<ThinkingStrategy, object?> Get, Func<ThinkingStrategy, T, ThinkingStrategy> Set);

    private static Place<T> In<TStrategy, T>(Func<TStrategy, object?> get, Func<TStrategy, T, TStrategy> set)
        where TStrategy : ThinkingStrategy =>
        new(typeof(TStrategy), strategy => get((TStrategy)strategy), (strategy, value) => set((TStrategy)strategy, value));

    private static SamplingKey<T> Of<T>(string name, string description, Func<JsonField, T> read, Action<Utf8JsonWriter, T> write, params Place<T>[] places)
        where T : notnull
    {
        return new(SamplingSection.Strategy, name, description,
            o => PlaceIn(o.Strategy)?.Get(o.Strategy),
            (o, value) => o with { Strategy = (PlaceIn(o.Strategy) ?? throw Foreign(o.Strategy)).Set(o.Strategy, value) },
            read, write);

        Place<T>? PlaceIn(ThinkingStrategy strategy) => Array.Find(places, place => place.Strategy.IsInstanceOfType(strategy));

        JsonFieldException Foreign(ThinkingStrategy strategy) => new(
            name, $"{name} is not a parameter of {strategy.Name}, but of {string.Join(", ", Published.Where(owner => PlaceIn(owner) != null).Select(owner => owner.Name))}");
    }

    private static SamplingKey<float> Real(string name, string description, params Place<float>[] places) =>
        Of(name, description, field => field.Number<float>(), (json, value) => json.WriteNumberValue(value), places);

    private static SamplingKey<int> Integer(string name, string description, Place<int> place) =>
        Of(name, description, field => field.Number<int>(), (json, value) => json.WriteNumberValue(value), place);

    private static SamplingKey<bool> Flag(string name, string description, Place<bool> place) =>
        Of(name, description, field => field.Flag(), (json, value) => json.WriteBooleanValue(value), place);

    private static SamplingKey<string> Text<TStrategy>(string name, string description, Func<TStrategy, string> get, Func<TStrategy, string, TStrategy> set)
        where TStrategy : ThinkingStrategy =>
        Of(name, description, field => field.Text(), (json, value) => json.WriteStringValue(value), In(get, set));

    /// <summary>A flag with a name for each of its values.</summary>
    private static SamplingKey<string> Choice<TStrategy>(
        string name, string description, string off, string on, Func<TStrategy, bool> get, Func<TStrategy, bool, TStrategy> set)
        where TStrategy : ThinkingStrategy =>
        Text<TStrategy>(name, description, strategy => get(strategy) ? on : off, (strategy, value) => set(strategy,
            value == on || (value != off ? throw new ArgumentOutOfRangeException(name, $"{name} must be {off} or {on}, not '{value}'") : false)));

    private static (float, float) ReadBounds(JsonField field) => field.Elements().Select(number => number.Number<float>()).ToArray() is [float least, float most]
        ? (least, most)
        : throw field.Wrong("an array of two numbers");

    private static void WriteBounds(Utf8JsonWriter json, (float Least, float Most) bounds)
    {
        json.WriteStartArray();
        json.WriteNumberValue(bounds.Least);
        json.WriteNumberValue(bounds.Most);
        json.WriteEndArray();
    }
}
