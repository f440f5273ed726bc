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
        DirichletAlpha = 0.1f,
        GumbelSoftmaxTemperature = 0.3f,
        RepetitionPenalty = 1.05f,
        FrequencyPenalty = -0.1f,
        PresencePenalty = float.Epsilon,
        LogitBias = new Dictionary<int, float> { [3] = -0.1f, [0] = 1000 },
        Seed = ulong.MaxValue,
    };

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
    [TestCase("""{"max_topk": 1.5}""", "max_topk must be a whole number in its range, not 1.5")]
    [TestCase("""{"max_topk": NaN}""", "max_topk must be a whole number in its range, not NaN")]
    [TestCase("""{"min_p": NaN}""", "min_p must be 0 to 1, not NaN")]
    [TestCase("""{"dirichlet_alpha": Infinity}""", "dirichlet_alpha must be 0 to 1000000, not Infinity")]
    [TestCase("""{"frequency_penalty": -Infinity}""", "frequency_penalty must be -100 to 100, not -Infinity")]
    [TestCase("""{"temperature": 1e999}""", "temperature must be 0, or 0.0001 to 100, not Infinity")]
    [TestCase("""{"think_end_text": NaN}""", "think_end_text must be text, not NaN")]
    [TestCase("""{"think_end_str": ""}""", "think_end_str must not be empty")]
    [TestCase("""{"seed": -1}""", "seed must be a whole number in its range, not -1")]
    [TestCase("""{"cold_stop_after_thinking": "yes"}""", "cold_stop_after_thinking must be true or false, not \"yes\"")]
    [TestCase("""{"logit_bias": {"1": NaN}}""", "logit_bias must be at most 1024 ids of 0 or more, each -1000 to 1000")]
    [TestCase("""{"logit_bias": {"1": "x"}}""", "logit_bias.1 must be a number, not \"x\"")]
    [TestCase("""{"logit_bias": {"-1": 1}}""", "logit_bias has the key \"-1\", which is not a token id")]
    public void AnErrorNamesTheKeyAndItsRange(string json, string message) =>
        Assert.That(() => SamplingJson.Read(Parse(json)), Throws.InstanceOf<ArgumentException>().With.Message.EqualTo(message));

    [Test]
    public void KeysHaveThePublishedNames() => Assert.That(SamplingJson.Keys.Select(key => key.Name), Is.EqualTo(new[]
    {
        "no_soft_thinking", "max_topk", "temperature", "top_p", "top_k", "min_p", "dirichlet_alpha", "gumbel_softmax_temperature",
        "early_stopping_entropy_threshold", "early_stopping_length_threshold", "cold_stop_after_thinking", "max_thinking_tokens",
        "think_start_str", "think_end_str", "think_end_text", "after_thinking_temperature", "after_thinking_top_p", "after_thinking_top_k",
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
