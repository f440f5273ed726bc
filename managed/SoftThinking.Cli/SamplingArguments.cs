using System.CommandLine;
using System.Numerics;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>The sampling options, on the command line and, with underscores, as JSON keys: "--top-p" and "top_p".
/// Names and defaults are the published ones; each sets one property of the library, which defines the default and the
/// range.</summary>
internal sealed class SamplingArguments
{
    private static readonly SamplingOptions Published = new() { Seed = 0 };

    private readonly List<Func<ParseResult, SamplingOptions, SamplingOptions>> _options = [];
    private readonly Dictionary<string, Func<JsonElement, SamplingOptions, SamplingOptions>> _keys = [];

    public SamplingArguments()
    {
        Thinking = ThinkingOptions();
        EndOfThinking = EndOfThinkingOptions();
        Answer = AnswerOptions();
        Penalties = PenaltyOptions();
        Seed = Tune<ulong>("--seed", "Seed of all randomness, 0 or more: the same seed yields the same output.",
            o => o.Seed, (o, v) => o with { Seed = v });
    }

    public Option[] Thinking { get; }

    public Option[] EndOfThinking { get; }

    public Option[] Answer { get; }

    public Option[] Penalties { get; }

    public Option Seed { get; }

    /// <summary>The options of a command line.</summary>
    /// <param name="defaults">What the model's makers recommend, for the options that are not given; null for the published values.</param>
    public SamplingOptions Read(ParseResult parsed, GenerationDefaults? defaults = null)
    {
        SamplingOptions start = defaults == null
            ? Published
            : new GenerationRequest { Prompt = new TextPrompt(""), Sampling = Published }.WithDefaults(defaults).Sampling;
        return _options.Aggregate(start, (options, apply) => apply(parsed, options));
    }

    /// <summary>Whether a JSON key is a sampling option.</summary>
    public bool Has(string key) => _keys.ContainsKey(key);

    /// <summary>Returns the options with the value of a key applied.</summary>
    /// <exception cref="ArgumentException">The value is of another kind, or out of range.</exception>
    public SamplingOptions Set(SamplingOptions options, string key, JsonElement value) => _keys[key](value, options);

    private Option[] ThinkingOptions() =>
    [
        Switch("--no-soft-thinking", "Sample a single token at each position of the thought, too: ordinary chain of thought.",
            (o, on) => o with { SoftThinking = !on }),
        Tune<int>("--max-topk", "Maximum number of tokens in a concept token: 1 to 1024.",
            o => o.MaxTopk, (o, v) => o with { MaxTopk = v }),
        Tune<float>("--temperature", "Divisor of the logits: 0 (greedy), or 0.0001 to 100.",
            o => o.Thinking.Temperature, (o, v) => o with { Thinking = o.Thinking with { Temperature = v } }),
        Tune<float>("--top-p", "Keep the most likely tokens whose probabilities sum to this: above 0, at most 1 (off).",
            o => o.Thinking.TopP, (o, v) => o with { Thinking = o.Thinking with { TopP = v } }),
        Tune<int>("--top-k", "Keep this many of the most likely tokens; 0 or less is off.",
            o => o.Thinking.TopK, (o, v) => o with { Thinking = o.Thinking with { TopK = v } }),
        Tune<float>("--min-p", "Drop tokens below this fraction of the highest probability: 0 (off) to 1.",
            o => o.Thinking.MinP, (o, v) => o with { Thinking = o.Thinking with { MinP = v } }),
        Tune<float>("--dirichlet-alpha", "Concentration of Dirichlet noise on concept tokens: 0 (off) to 1000000; smaller is noisier.",
            o => o.DirichletAlpha, (o, v) => o with { DirichletAlpha = v }),
        Tune<float>("--gumbel-softmax-temperature", "Temperature of Gumbel-softmax noise on concept tokens: 0 (off), or 0.0001 to 100.",
            o => o.GumbelSoftmaxTemperature, (o, v) => o with { GumbelSoftmaxTemperature = v }),
    ];

    private Option[] EndOfThinkingOptions() =>
    [
        Tune<float>("--early-stopping-entropy-threshold",
            "Cold stop: a thought with an entropy below this is certain: 0 (off) to 1000 nats.",
            o => o.EarlyStoppingEntropyThreshold, (o, v) => o with { EarlyStoppingEntropyThreshold = v }),
        Tune<int>("--early-stopping-length-threshold", "Cold stop: this many certain thoughts in a row end the thinking: 1 or more.",
            o => o.EarlyStoppingLengthThreshold, (o, v) => o with { EarlyStoppingLengthThreshold = v }),
        Switch("--cold-stop-after-thinking", "Let the same number of certain tokens in a row end the answer, too.",
            (o, on) => o with { ColdStopAfterThinking = on }),
        Tune<int>("--max-thinking-tokens", "End the thinking after this many thoughts: 0 or more; no limit by default.",
            o => o.MaxThinkingTokens, (o, v) => o with { MaxThinkingTokens = v }),
        Name("--think-start-str", "Marker that starts a thought, at most 16 tokens; by default that of the model's family, such as <think>.",
            (o, v) => o with { ThinkStart = v }),
        Name("--think-end-str", "Marker that ends a thought, at most 16 tokens; by default that of the model's family, such as </think>.",
            (o, v) => o with { ThinkEnd = v }),
        Tune("--think-end-text", "Text inserted after the end of thinking when the cold stop or the limit forced it: at most 64 tokens.",
            o => o.ThinkEndText, (o, v) => o with { ThinkEndText = v }),
    ];

    private Option[] AnswerOptions() =>
    [
        Tune<float>("--after-thinking-temperature", "Like --temperature.",
            o => o.AfterThinking.Temperature, (o, v) => o with { AfterThinking = o.AfterThinking with { Temperature = v } }),
        Tune<float>("--after-thinking-top-p", "Like --top-p.",
            o => o.AfterThinking.TopP, (o, v) => o with { AfterThinking = o.AfterThinking with { TopP = v } }),
        Tune<int>("--after-thinking-top-k", "Like --top-k.",
            o => o.AfterThinking.TopK, (o, v) => o with { AfterThinking = o.AfterThinking with { TopK = v } }),
        Tune<float>("--after-thinking-min-p", "Like --min-p.",
            o => o.AfterThinking.MinP, (o, v) => o with { AfterThinking = o.AfterThinking with { MinP = v } }),
    ];

    private Option[] PenaltyOptions() =>
    [
        Tune<float>("--repetition-penalty", "Divisor of the logits of tokens that occur in the prompt or the output: 0.0001 to 100; 1 is off.",
            o => o.RepetitionPenalty, (o, v) => o with { RepetitionPenalty = v }),
        Tune<float>("--frequency-penalty", "Subtracted from a token's logit for each of its occurrences in the output: -100 to 100; 0 is off.",
            o => o.FrequencyPenalty, (o, v) => o with { FrequencyPenalty = v }),
        Tune<float>("--presence-penalty", "Subtracted from the logit of every token that occurs in the output: -100 to 100; 0 is off.",
            o => o.PresencePenalty, (o, v) => o with { PresencePenalty = v }),
    ];

    private Option Tune<T>(
        string name, string description, Func<SamplingOptions, T?> get, Func<SamplingOptions, T, SamplingOptions> set)
        where T : struct, INumber<T>
    {
        Option<T?> option = NumberOption.Create<T>(name, description, get(Published), value => set(Published, value));
        _options.Add((parsed, options) => IsGiven(parsed, option) && parsed.GetValue(option) is T value ? set(options, value) : options);
        string key = KeyOf(name);
        _keys.Add(key, (json, options) => set(options, JsonValue.Number<T>(key, json, value => set(Published, value))));
        return option;
    }

    private Option Tune(
        string name, string description, Func<SamplingOptions, string> get, Func<SamplingOptions, string, SamplingOptions> set)
    {
        Option<string?> option = new(name) { Description = description, HelpName = "TEXT", DefaultValueFactory = _ => get(Published) };
        _options.Add((parsed, options) => IsGiven(parsed, option) ? set(options, parsed.GetValue(option)!) : options);
        string key = KeyOf(name);
        _keys.Add(key, (json, options) => set(options, JsonValue.Text(key, json)));
        return option;
    }

    /// <summary>A text option without a default.</summary>
    private Option Name(string name, string description, Func<SamplingOptions, string, SamplingOptions> set)
    {
        Option<string?> option = new(name) { Description = description, HelpName = "TEXT" };
        _options.Add((parsed, options) => parsed.GetValue(option) is string value ? set(options, value) : options);
        string key = KeyOf(name);
        _keys.Add(key, (json, options) => set(options, JsonValue.Text(key, json)));
        return option;
    }

    private Option Switch(string name, string description, Func<SamplingOptions, bool, SamplingOptions> set)
    {
        Option<bool> option = new(name) { Description = description };
        _options.Add((parsed, options) => parsed.GetValue(option) ? set(options, true) : options);
        string key = KeyOf(name);
        _keys.Add(key, (json, options) => set(options, JsonValue.Flag(key, json)));
        return option;
    }

    private static bool IsGiven(ParseResult parsed, Option option) => parsed.GetResult(option) is { Implicit: false };

    private static string KeyOf(string name) => name[2..].Replace('-', '_');
}
