using System.Buffers;
using System.Reflection;
using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Json;

namespace SoftThinking.Tests.Json;

/// <summary>Sampling options as JSON.</summary>
public class SamplingJsonTests
{
    private static readonly SamplingOptions AllChanged = new()
    {
        SoftThinking = false,
        MaxTopk = 7,
        Thinking = new() { Temperature = 0.1f, TopP = 0.7f, TopK = -1, MinP = 1f / 3 },
        AfterThinking = new() { Temperature = 1.1f, TopP = 1e-7f, TopK = int.MaxValue, MinP = 0.3f },
        EarlyStoppingEntropyThreshold = 0.02f,
        EarlyStoppingLengthThreshold = 3,
        ColdStopAfterThinking = true,
        MaxThinkingTokens = 0,
        ThinkStart = "<思>",
        ThinkEnd = "\"\\\u2028",
        ThinkEndText = " ",
        Strategy = new SoftStrategy { DirichletAlpha = 0.1f, GumbelSoftmaxTemperature = 0.3f },
        Cusum = new() { Threshold = 0.1f, Drift = 0.2f, Mean = 0.3f, Warmup = 4 },
        DeepConf = new() { Window = 5, Bar = 0.6f, Warmup = 7, ConfidencePercentile = 8 },
        Eat = new() { Delta = 0.7f, Alpha = 0.9f, Interval = 8, ProbeText = "9", MinProbes = 10 },
        Deer = new()
        {
            Threshold = 0.1f,
            TriggerIds = [3, 2],
            MaxProbes = 4,
            ProbeText = "5",
            ProbeTokens = 6,
            ArithmeticMean = true,
            RequireEnd = false,
            ExitText = "7",
        },
        RepetitionPenalty = 1.05f,
        FrequencyPenalty = -0.1f,
        PresencePenalty = float.Epsilon,
        LogitBias = new Dictionary<int, float> { [3] = -0.1f, [0] = 1000 },
        Seed = ulong.MaxValue,
    };

    // Each with all of its parameters changed.
    private static readonly ThinkingStrategy[] Strategies =
    [
        AllChanged.Strategy,
        new GumbelStrategy { GumbelTemperature = 0.1f },
        new DirichletStrategy { DirichletAlpha = 0.1f },
        new MixtureOfInputsStrategy { Beta = 0.1f, Direct = true, AfterThinking = false },
        new MultiplexStrategy { UniformWeights = true, MaskThreshold = 0 },
        new SwiReasoningStrategy
        {
            Window = 1, Alpha0 = 0.1f, Beta0 = 0.2f, StartBlendId = -1, HardIds = [7, 3], MaxSwitchCount = 4, ConvergenceIsHint = true, FinalText = "5", FinalTokens = 6,
        },
        new ThinkRouterStrategy { RouterThreshold = 0.1f },
        new LatentSftStrategy(),
        new LatentGrpoStrategy { GumbelTemperature = 0.1f, NoiseScale = 0.2f, NoiseClamp = (-0.3f, 0.4f), OneSided = false },
        new SoftGrpoStrategy { GumbelTemperature = 0.2f, NoiseScale = 0, NoiseClamp = (-0.3f, 0.4f) },
    ];

    [Test]
    public void TheStrategiesAreAllAndChangeEveryParameter()
    {
        Assert.That(Strategies.Select(each => each.GetType()),
            Is.EquivalentTo(typeof(ThinkingStrategy).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(ThinkingStrategy)) && !type.IsAbstract)));
        foreach (ThinkingStrategy changed in Strategies)
        {
            object published = Activator.CreateInstance(changed.GetType())!;
            foreach (PropertyInfo property in changed.GetType().GetProperties().Where(property => property.CanWrite))
                Assert.That(property.GetValue(changed), Is.Not.EqualTo(property.GetValue(published)), $"{changed.Name}: {property.Name}");
        }
    }

    [Test]
    public void EveryStrategyReadsBackExactly([ValueSource(nameof(Strategies))] ThinkingStrategy strategy) =>
        Assert.That(SamplingJson.Read(Write(new SamplingOptions { Strategy = strategy })).Strategy, Is.EqualTo(strategy));

    /// <summary>Those that the strategy has are set whatever stands first.</summary>
    [Test]
    public void ParametersMayComeBeforeTheirStrategy() =>
        Assert.That(SamplingJson.Read(Parse("""{"beta": 2, "strategy": "mixture-of-inputs"}""")).Strategy, Is.EqualTo(new MixtureOfInputsStrategy { Beta = 2 }));

    [Test]
    public void TheExampleChangesEveryProperty() => Assert.That(PropertiesThatDiffer(AllChanged, new SamplingOptions()), Is.EqualTo(PropertiesOf(AllChanged)));

    [Test]
    public void WrittenOptionsReadBackExactly()
    {
        foreach (SamplingOptions options in new[] { AllChanged, new SamplingOptions() })
            Assert.That(PropertiesThatDiffer(SamplingJson.Read(Write(options)), options), Is.Empty);
    }

    [Test]
    public void AbsentKeysAndNullsKeepTheDefaults()
    {
        SamplingOptions read = SamplingJson.Read(JsonElement.Parse("""{"top_p": 0.5, "seed": null}"""), AllChanged);

        Assert.That(read, Is.EqualTo(AllChanged with { Thinking = AllChanged.Thinking with { TopP = 0.5f } }));
    }

    [TestCase("[]", "the sampling options must be an object, not []")]
    [TestCase("""{"topp": null}""", "unknown key \"topp\"")]
    [TestCase("""{"max_topk": 1025}""", "max_topk must be 1 to 1024, not 1025")]
    [TestCase("""{"max_topk": 1.5}""", "max_topk must be a whole number from -2147483648 to 2147483647, not 1.5")]
    [TestCase("""{"max_topk": NaN}""", "max_topk must be a whole number from -2147483648 to 2147483647, not NaN")]
    [TestCase("""{"min_p": NaN}""", "min_p must be 0 to 1, not NaN")]
    [TestCase("""{"dirichlet_alpha": Infinity}""", "dirichlet_alpha must be 0 to 1000000, not Infinity")]
    [TestCase("""{"strategy": "softer"}""", "strategy must be soft, gumbel, dirichlet, mixture-of-inputs, multiplex, swireasoning, think-router, latent-sft, latent-grpo or soft-grpo, not 'softer'")]
    [TestCase("""{"beta": 1}""", "beta is not a parameter of soft, but of mixture-of-inputs")]
    [TestCase("""{"strategy": "latent-grpo", "noise_clamp": [1, 1]}""", "noise_clamp must be two ascending numbers, -1000 to 1000, not 1, 1")]
    [TestCase("""{"deer_trigger_ids": [-1]}""", "deer_trigger_ids must be at most 1024, ids of 0 or more")]
    [TestCase("""{"eat_alpha": 0}""", "eat_alpha must be 0.0001 to 1, not 0")]
    [TestCase("""{"frequency_penalty": -Infinity}""", "frequency_penalty must be -100 to 100, not -Infinity")]
    [TestCase("""{"temperature": 1e999}""", "temperature must be 0, or 0.0001 to 100, not Infinity")]
    [TestCase("""{"think_end_text": NaN}""", "think_end_text must be text, not NaN")]
    [TestCase("""{"think_end_str": ""}""", "think_end_str must not be empty")]
    [TestCase("""{"seed": -1}""", "seed must be a whole number from 0 to 18446744073709551615, not -1")]
    [TestCase("""{"cold_stop_after_thinking": "yes"}""", "cold_stop_after_thinking must be true or false, not \"yes\"")]
    [TestCase("""{"logit_bias": {"1": NaN}}""", "logit_bias must be at most 1024 ids of 0 or more, each -1000 to 1000")]
    [TestCase("""{"logit_bias": {"1": "x"}}""", "logit_bias.1 must be a number, not \"x\"")]
    [TestCase("""{"logit_bias": {"-1": 1}}""", "logit_bias has the key \"-1\", which is not a token id")]
    public void AnErrorNamesTheKeyAndItsRange(string json, string message) =>
        Assert.That(() => SamplingJson.Read(Parse(json)), Throws.InstanceOf<ArgumentException>().With.Message.EqualTo(message));

    [Test]
    public void KeysHaveThePublishedNames() => Assert.That(SamplingJson.Keys.Select(key => key.Name), Is.EqualTo(new[]
    {
        "no_soft_thinking", "max_topk", "temperature", "top_p", "top_k", "min_p", "strategy", "dirichlet_alpha", "gumbel_softmax_temperature",
        "gumbel_temperature", "noise_scale", "noise_clamp", "one_sided", "beta", "mixture", "scope", "weighting", "mask_threshold", "router_threshold",
        "window", "alpha_0", "beta_0", "start_blend_id", "hard_ids", "max_switch_count", "convergence", "final_text", "final_tokens",
        "early_stopping_entropy_threshold", "early_stopping_length_threshold", "cold_stop_after_thinking", "max_thinking_tokens",
        "think_start_str", "think_end_str", "think_end_text", "cusum", "cusum_threshold", "cusum_drift", "cusum_mu", "cusum_warmup",
        "deepconf", "deepconf_window", "deepconf_bar", "deepconf_warmup", "deepconf_percentile", "eat", "eat_delta", "eat_alpha", "eat_interval",
        "eat_probe_text", "eat_min_probes", "deer", "deer_threshold", "deer_trigger_ids", "deer_max_probes", "deer_probe_text", "deer_probe_tokens",
        "deer_arithmetic_mean", "deer_require_end", "deer_exit_text", "after_thinking_temperature", "after_thinking_top_p", "after_thinking_top_k",
        "after_thinking_min_p", "repetition_penalty", "frequency_penalty", "presence_penalty", "logit_bias", "seed",
    }));

    private static JsonElement Parse(string json) => RequestJson.Parse(Encoding.UTF8.GetBytes(json));

    private static JsonElement Write(SamplingOptions options)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer))
        {
            json.WriteStartObject();
            SamplingJson.Write(json, options);
            json.WriteEndObject();
        }
        return RequestJson.Parse(buffer.WrittenMemory);
    }

    private static IEnumerable<string> PropertiesOf(object options) => options.GetType().GetProperties().SelectMany(property =>
        property.GetValue(options) is FilterOptions filter ? PropertiesOf(filter).Select(name => $"{property.Name}.{name}") : [property.Name]);

    private static IEnumerable<string> PropertiesThatDiffer(SamplingOptions left, SamplingOptions right) =>
        PropertiesOf(left).Where(name => !new[] { ValueOf(left, name) }.SequenceEqual([ValueOf(right, name)], new ByContent()));

    private static object? ValueOf(object options, string name) =>
        name.Split('.').Aggregate((object?)options, (value, part) => value!.GetType().GetProperty(part, BindingFlags.Public | BindingFlags.Instance)!.GetValue(value));

    private sealed class ByContent : IEqualityComparer<object?>
    {
        public new bool Equals(object? x, object? y) => x is IReadOnlyDictionary<int, float> left && y is IReadOnlyDictionary<int, float> right
            ? left.OrderBy(entry => entry.Key).SequenceEqual(right.OrderBy(entry => entry.Key))
            : object.Equals(x, y);

        public int GetHashCode(object? obj) => 0;
    }
}
