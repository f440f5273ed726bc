using System.Text.Json;

namespace SoftThinking.Tests.Golden;

/// <summary>The parameters of golden strategies, which are in the metadata of their files, as options of an engine.</summary>
internal sealed class StrategyParameters(JsonElement json, Engine engine)
{
    public SamplingOptions Options => new()
    {
        Strategy = Strategy(),
        Seed = json.GetProperty("seed").GetUInt64(),
        MaxTopk = Integer("max_topk"),
        Thinking = Filter("thinking"),
        AfterThinking = Filter("after"),
        ThinkStart = json.TryGetProperty("think_start", out JsonElement start) ? TextOf([start.GetInt32()]) : null,
        ThinkEnd = TextOf([Integer("think_end")]),
        ThinkEndText = Text(json, "think_end_text"),
        EarlyStoppingEntropyThreshold = Real("entropy_threshold"),
        EarlyStoppingLengthThreshold = Integer("length_threshold"),
        MaxThinkingTokens = Integer("max_thinking_tokens") is >= 0 and int budget ? budget : null,
        RepetitionPenalty = Penalty("repetition", 1),
        FrequencyPenalty = Penalty("frequency", 0),
        PresencePenalty = Penalty("presence", 0),
        Cusum = json.TryGetProperty("cusum", out JsonElement cusum) ? CusumOf(cusum) : null,
        DeepConf = json.TryGetProperty("deepconf", out JsonElement deepconf) ? DeepConfOf(deepconf) : null,
        Eat = json.TryGetProperty("eat", out JsonElement eat) ? EatOf(eat) : null,
        Deer = json.TryGetProperty("deer", out JsonElement deer) ? DeerOf(deer) : null,
    };

    private ThinkingStrategy Strategy() => json.GetProperty("strategy").GetString() switch
    {
        "soft" => new SoftStrategy(),
        "gumbel" => new GumbelStrategy { GumbelTemperature = Real("gumbel_temperature") },
        "dirichlet" => new DirichletStrategy { DirichletAlpha = Real("dirichlet_alpha") },
        "mixture-of-inputs" => new MixtureOfInputsStrategy
        {
            Beta = Real("beta"),
            Direct = json.GetProperty("mixture").GetString() == "direct",
            AfterThinking = json.GetProperty("scope").GetString() == "all",
        },
        "multiplex" => new MultiplexStrategy
        {
            UniformWeights = json.GetProperty("weighting").GetString() == "uniform",
            MaskThreshold = Real("mask_threshold") is >= 0 and float threshold ? threshold : null,
        },
        "swireasoning" => new SwiReasoningStrategy
        {
            Window = Integer("window"),
            Alpha0 = Real("alpha_0"),
            Beta0 = Real("beta_0"),
            StartBlendId = Integer("start_blend_id"),
            HardIds = Ids(json, "hard_ids"),
            MaxSwitchCount = Integer("max_switch_count"),
            ConvergenceIsHint = json.GetProperty("convergence").GetString() == "hint",
            FinalText = Text(json, "final_text"),
            FinalTokens = Integer("final_tokens"),
        },
        "think-router" => new ThinkRouterStrategy { RouterThreshold = Real("router_threshold") },
        "latent-sft" => new LatentSftStrategy(),
        "latent-grpo" => new LatentGrpoStrategy
        {
            GumbelTemperature = Real("gumbel_temperature"),
            NoiseScale = Real("noise_scale"),
            NoiseClamp = Clamp(),
            OneSided = json.GetProperty("one_sided").GetBoolean(),
        },
        "soft-grpo" => new SoftGrpoStrategy { GumbelTemperature = Real("gumbel_temperature"), NoiseScale = Real("noise_scale"), NoiseClamp = Clamp() },
        string other => throw new InvalidDataException(other),
        null => throw new InvalidDataException("null"),
    };

    private static CusumExit CusumOf(JsonElement exit) => new()
    {
        Mean = exit.GetProperty("mu").GetSingle(),
        Warmup = exit.GetProperty("warmup").GetInt32(),
        Drift = exit.GetProperty("drift").GetSingle(),
        Threshold = exit.GetProperty("threshold").GetSingle(),
    };

    private static DeepConfExit DeepConfOf(JsonElement exit) => new() { Window = exit.GetProperty("window").GetInt32(), Bar = exit.GetProperty("bar").GetSingle() };

    private EatExit EatOf(JsonElement exit) => new()
    {
        Interval = exit.GetProperty("interval").GetInt32(),
        ProbeText = Text(exit, "probe_text"),
        Alpha = exit.GetProperty("alpha").GetSingle(),
        Delta = exit.GetProperty("delta").GetSingle(),
        MinProbes = exit.GetProperty("min_probes").GetInt32(),
    };

    private DeerExit DeerOf(JsonElement exit) => new()
    {
        TriggerIds = Ids(exit, "trigger_ids"),
        ProbeText = Text(exit, "probe_text"),
        ProbeTokens = exit.GetProperty("probe_tokens").GetInt32(),
        MaxProbes = exit.GetProperty("max_probes").GetInt32(),
        ArithmeticMean = exit.GetProperty("mean").GetString() == "arithmetic",
        RequireEnd = exit.GetProperty("require_end").GetBoolean(),
        Threshold = exit.GetProperty("threshold").GetSingle(),
        ExitText = Text(exit, "exit_text"),
    };

    private FilterOptions Filter(string name)
    {
        JsonElement filter = json.GetProperty(name);
        return new FilterOptions
        {
            Temperature = filter.GetProperty("temperature").GetSingle(),
            TopK = filter.GetProperty("top_k").GetInt32(),
            TopP = filter.GetProperty("top_p").GetSingle(),
            MinP = filter.GetProperty("min_p").GetSingle(),
        };
    }

    private float Penalty(string name, float off) =>
        json.TryGetProperty("penalties", out JsonElement penalties) && penalties.TryGetProperty(name, out JsonElement value) ? value.GetSingle() : off;

    private (float Least, float Most) Clamp()
    {
        JsonElement clamp = json.GetProperty("noise_clamp");
        return (clamp[0].GetSingle(), clamp[1].GetSingle());
    }

    private int Integer(string name) => json.GetProperty(name).GetInt32();

    private float Real(string name) => json.GetProperty(name).GetSingle();

    private static int[] Ids(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];

    private string Text(JsonElement from, string name) => TextOf(Ids(from, name));

    /// <summary>A text that the checkpoint's tokenizer turns into these ids again.</summary>
    private string TextOf(int[] ids)
    {
        string text = engine.Tokenizer.Decode(ids, skipSpecialTokens: false);
        return engine.Tokenizer.Encode(text, addSpecialTokens: false).SequenceEqual(ids) ? text : throw new InvalidDataException($"no text has the ids {string.Join(", ", ids)}");
    }
}
