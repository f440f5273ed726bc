using System.CommandLine;
using System.Numerics;

namespace SoftThinking.Cli;

/// <summary>What `generate` was asked for.</summary>
/// <param name="Model">Directory or file of the checkpoint.</param>
/// <param name="ModelName">What to call it: as the user did.</param>
/// <param name="Prompt">Null where it comes from a file or from standard input.</param>
/// <param name="Raw">Whether the prompt goes to the model as it is, without the chat template.</param>
/// <param name="Json">Whether to print one JSON object.</param>
/// <param name="Trace">File for one JSON object per step; null for none.</param>
internal sealed record GenerateSettings(
    string Model, string ModelName, string? Prompt, string? PromptFile, string? System, bool Raw, int MaxNewTokens,
    SamplingOptions Sampling, EngineOptions Engine, string Device, bool Json, string? Trace);

/// <summary>The options of `generate`. Names and defaults of sampling are the published ones; each option stands for one
/// property of the library, which holds the default and the range.</summary>
internal sealed class GenerateOptions
{
    private const int DefaultMaxNewTokens = 4096;
    private static readonly SamplingOptions Published = new();

    private readonly List<Func<ParseResult, SamplingOptions, SamplingOptions>> _sampling = [];
    private readonly Option<string?> _prompt = Text("--prompt", "TEXT", "The question.");
    private readonly Option<string?> _promptFile = Text("--prompt-file", "FILE",
        "Read the question from a file. Without this and --prompt it is read from standard input. A line break at the end does not count.");
    private readonly Option<string?> _system = Text("--system", "TEXT", "What the model is told before the question.");
    private readonly Option<bool> _raw = Flag("--raw", "Give the model the prompt as it is, without its chat template.");
    private readonly Option<int?> _maxNewTokens = NumberOption.Create<int>("--max-new-tokens",
        "Most steps, thoughts included: 1 or more; never more than the model's context holds.", DefaultMaxNewTokens,
        value => _ = new GenerationRequest { Prompt = [], MaxNewTokens = value });
    private readonly Option<int?> _threads = NumberOption.Create<int>("--threads",
        "Threads that compute: 1 to 1024, or 0 for one per core. The output does not depend on it.", 0,
        value => _ = new EngineOptions { Threads = value });
    private readonly Option<bool> _json = Flag("--json", "Print one JSON object with the text, every step, and timings.");
    private readonly Option<string?> _trace = Text("--trace", "FILE",
        "Write one JSON object per step, line by line, while the model generates.");

    public GenerateOptions()
    {
        Groups =
        [
            new("prompt", [CommonOptions.Model, _prompt, _promptFile, _system, _raw]),
            new("soft thinking", ThinkingOptions()),
            new("end of thinking", EndOfThinkingOptions()),
            new("answer, and everything with --no-soft-thinking", AnswerOptions()),
            new("both", PenaltyOptions()),
            new("limits and randomness", [_maxNewTokens, Tune<ulong>("--seed",
                "Seed of all randomness, 0 or more: the same seed gives the same output.",
                o => o.Seed, (o, v) => o with { Seed = v })]),
            new("machine", [CommonOptions.Device, _threads, CommonOptions.KvDtype]),
            new("output", [_json, _trace]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <exception cref="UsageException">Options contradict each other.</exception>
    public GenerateSettings Read(ParseResult parsed)
    {
        (string? prompt, string? file) = (parsed.GetValue(_prompt), parsed.GetValue(_promptFile));
        if (prompt != null && file != null)
            throw new UsageException("--prompt and --prompt-file exclude each other");
        (string? system, bool raw) = (parsed.GetValue(_system), parsed.GetValue(_raw));
        if (system != null && raw)
            throw new UsageException("--system needs the chat template, which --raw switches off");
        string? model = parsed.GetValue(CommonOptions.Model);
        SamplingOptions sampling = _sampling.Aggregate(Published, (options, apply) => apply(parsed, options));
        return new GenerateSettings(
            model ?? DemonstrationModel.Path,
            model ?? DemonstrationModel.Name,
            prompt,
            file,
            system,
            raw,
            parsed.GetValue(_maxNewTokens) ?? DefaultMaxNewTokens,
            sampling,
            new EngineOptions
            {
                Threads = parsed.GetValue(_threads) ?? 0,
                KvDtype = CommonOptions.ReadKvDtype(parsed),
                MaxSequences = 1,
                MaxTopk = sampling.MaxTopk,
            },
            parsed.GetValue(CommonOptions.Device)!,
            parsed.GetValue(_json),
            parsed.GetValue(_trace));
    }

    private Option[] ThinkingOptions() =>
    [
        Switch("--no-soft-thinking", "Draw one token at each step of the thought, too: ordinary chain of thought.",
            o => o with { SoftThinking = false }),
        Tune<int>("--max-topk", "Tokens mixed into a concept token: 1 to 1024.",
            o => o.MaxTopk, (o, v) => o with { MaxTopk = v }),
        Tune<float>("--temperature", "Divisor of the logits: 0 (greedy), or 0.0001 to 100.",
            o => o.Thinking.Temperature, (o, v) => o with { Thinking = o.Thinking with { Temperature = v } }),
        Tune<float>("--top-p", "Keep the likeliest tokens that reach this probability together: above 0, at most 1 (off).",
            o => o.Thinking.TopP, (o, v) => o with { Thinking = o.Thinking with { TopP = v } }),
        Tune<int>("--top-k", "Keep so many of the likeliest tokens; 0 or less is off.",
            o => o.Thinking.TopK, (o, v) => o with { Thinking = o.Thinking with { TopK = v } }),
        Tune<float>("--min-p", "Drop tokens below this share of the likeliest one's probability: 0 (off) to 1.",
            o => o.Thinking.MinP, (o, v) => o with { Thinking = o.Thinking with { MinP = v } }),
        Tune<float>("--dirichlet-alpha", "Concentration of Dirichlet noise on concept tokens: 0 (off) to 1000000; smaller is noisier.",
            o => o.DirichletAlpha, (o, v) => o with { DirichletAlpha = v }),
        Tune<float>("--gumbel-softmax-temperature", "Temperature of Gumbel-softmax noise on concept tokens: 0 (off), or 0.0001 to 100.",
            o => o.GumbelSoftmaxTemperature, (o, v) => o with { GumbelSoftmaxTemperature = v }),
    ];

    private Option[] EndOfThinkingOptions() =>
    [
        Tune<float>("--early-stopping-entropy-threshold",
            "Cold stop: a thought below this entropy counts as certain: 0 (off) to 1000 nats.",
            o => o.EarlyStoppingEntropyThreshold, (o, v) => o with { EarlyStoppingEntropyThreshold = v }),
        Tune<int>("--early-stopping-length-threshold", "Cold stop: so many certain thoughts in a row end the thinking: 1 or more.",
            o => o.EarlyStoppingLengthThreshold, (o, v) => o with { EarlyStoppingLengthThreshold = v }),
        Switch("--cold-stop-after-thinking", "Let as many certain steps in a row end the answer, too.",
            o => o with { ColdStopAfterThinking = true }),
        Tune<int>("--max-thinking-tokens", "Thoughts after which the thinking is ended: 0 or more; no limit unless given.",
            o => o.MaxThinkingTokens, (o, v) => o with { MaxThinkingTokens = v }),
        Tune("--think-end-str", "Text that ends the thinking; one token of the model.",
            o => o.ThinkEnd, (o, v) => o with { ThinkEnd = v }),
        Tune("--think-end-text", "Text put after the end of thinking where the cold stop or the limit forced it; at most 64 tokens.",
            o => o.ThinkEndText, (o, v) => o with { ThinkEndText = v }),
    ];

    private Option[] AnswerOptions() =>
    [
        Tune<float>("--after-thinking-temperature", "As --temperature.",
            o => o.AfterThinking.Temperature, (o, v) => o with { AfterThinking = o.AfterThinking with { Temperature = v } }),
        Tune<float>("--after-thinking-top-p", "As --top-p.",
            o => o.AfterThinking.TopP, (o, v) => o with { AfterThinking = o.AfterThinking with { TopP = v } }),
        Tune<int>("--after-thinking-top-k", "As --top-k.",
            o => o.AfterThinking.TopK, (o, v) => o with { AfterThinking = o.AfterThinking with { TopK = v } }),
        Tune<float>("--after-thinking-min-p", "As --min-p.",
            o => o.AfterThinking.MinP, (o, v) => o with { AfterThinking = o.AfterThinking with { MinP = v } }),
    ];

    private Option[] PenaltyOptions() =>
    [
        Tune<float>("--repetition-penalty", "Divisor of the logits of tokens seen in the prompt or the output: 0.0001 to 100; 1 is off.",
            o => o.RepetitionPenalty, (o, v) => o with { RepetitionPenalty = v }),
        Tune<float>("--frequency-penalty", "Taken from a token's logit for each time it came: -100 to 100; 0 is off.",
            o => o.FrequencyPenalty, (o, v) => o with { FrequencyPenalty = v }),
        Tune<float>("--presence-penalty", "Taken from the logit of every token that came: -100 to 100; 0 is off.",
            o => o.PresencePenalty, (o, v) => o with { PresencePenalty = v }),
    ];

    private Option Tune<T>(
        string name, string description, Func<SamplingOptions, T?> get, Func<SamplingOptions, T, SamplingOptions> set)
        where T : struct, INumber<T>
    {
        Option<T?> option = NumberOption.Create<T>(name, description, get(Published), value => set(Published, value));
        _sampling.Add((parsed, options) => parsed.GetValue(option) is T value ? set(options, value) : options);
        return option;
    }

    private Option Tune(
        string name, string description, Func<SamplingOptions, string> get, Func<SamplingOptions, string, SamplingOptions> set)
    {
        Option<string?> option = Text(name, "TEXT", description);
        option.DefaultValueFactory = _ => get(Published);
        _sampling.Add((parsed, options) => set(options, parsed.GetValue(option)!));
        return option;
    }

    private Option Switch(string name, string description, Func<SamplingOptions, SamplingOptions> set)
    {
        Option<bool> option = Flag(name, description);
        _sampling.Add((parsed, options) => parsed.GetValue(option) ? set(options) : options);
        return option;
    }

    private static Option<string?> Text(string name, string value, string description) =>
        new(name) { Description = description, HelpName = value };

    private static Option<bool> Flag(string name, string description) => new(name) { Description = description };
}
