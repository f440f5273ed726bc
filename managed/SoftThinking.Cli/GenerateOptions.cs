using System.CommandLine;

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
    SamplingOptions Sampling, EngineOptions Engine, bool Json, string? Trace)
{
    /// <summary>File with a JSON object a line; "-" for standard input, null for one question.</summary>
    public string? Prompts { get; init; }

    /// <summary>Texts that end the output.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Answers to a question.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>Log-probabilities told at each step, besides the head's; null for none at all.</summary>
    public int? LogProbs { get; init; }

    /// <summary>Whether there may be several texts.</summary>
    public bool Many => Prompts != null || Samples > 1;
}

/// <summary>The options of `generate`.</summary>
internal sealed class GenerateOptions
{
    private const int DefaultMaxNewTokens = 4096, DefaultBatch = 16;
    private readonly Option<string?> _prompt = Text("--prompt", "TEXT", "The question.");
    private readonly Option<string?> _promptFile = Text("--prompt-file", "FILE",
        "Read the question from a file. Without this and --prompt it is read from standard input. A line break at the end does not count.");
    private readonly Option<string?> _prompts = Text("--prompts", "FILE",
        "Answer many: a JSON object a line with \"prompt\" and, if need be, \"id\", \"system\", \"max_new_tokens\", \"stop\", \"samples\", "
        + "\"log_probs\" and the options of sampling (\"top_p\", \"seed\" …), before which those given here stand back; - is standard "
        + "input. Prints objects as --json, one a line, in the order of the file.");
    private readonly Option<int?> _batch = NumberOption.Create<int>("--batch",
        "Texts of --prompts that are under way together: 1 to 1024.", DefaultBatch, value => _ = new EngineOptions { MaxSequences = value });
    private readonly Option<string?> _system = Text("--system", "TEXT", "What the model is told before the question.");
    private readonly Option<bool> _raw = Flag("--raw", "Give the model the prompt as it is, without its chat template.");
    private readonly Option<int?> _maxNewTokens = NumberOption.Create<int>("--max-new-tokens",
        "Most steps, thoughts included: 1 or more; never more than the model's context holds.", DefaultMaxNewTokens,
        value => _ = new GenerationRequest { Prompt = [], MaxNewTokens = value });
    private readonly Option<string[]?> _stop = new("--stop")
    {
        Description = "Text that ends the output, and is no part of it; may be given up to 16 times.",
        HelpName = "TEXT",
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private readonly Option<int?> _samples = NumberOption.Create<int>("--samples",
        "Answers to a question, each with a seed of its own, from --seed up: 1 to 256; needs --json or --prompts.", 1,
        value => _ = new GenerationRequest { Prompt = [], Samples = value });
    private readonly Option<int?> _logProbs = NumberOption.Create<int>("--log-probs",
        "Tell the log-probability of each step's head, and of so many of the likeliest tokens: 0 to 20; needs --json or --prompts.", null,
        value => _ = new GenerationRequest { Prompt = [], LogProbs = value });
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
            new("prompt", [CommonOptions.Model, _prompt, _promptFile, _prompts, _batch, _system, _raw]),
            new("soft thinking", Sampling.Thinking),
            new("end of thinking", Sampling.EndOfThinking),
            new("answer, and everything with --no-soft-thinking", Sampling.Answer),
            new("both", Sampling.Penalties),
            new("limits and randomness", [_maxNewTokens, _stop, Sampling.Seed, _samples]),
            new("machine", [CommonOptions.Device, _threads, CommonOptions.Weights, CommonOptions.KvDtype, CommonOptions.FastPrefill]),
            new("output", [_json, _logProbs, _trace]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <summary>Those of sampling.</summary>
    public SamplingArguments Sampling { get; } = new();

    /// <exception cref="UsageException">Options contradict each other.</exception>
    public GenerateSettings Read(ParseResult parsed)
    {
        string? model = parsed.GetValue(CommonOptions.Model);
        SamplingOptions sampling = Sampling.Read(parsed);
        GenerateSettings settings = new(
            model ?? DemonstrationModel.Path,
            model ?? DemonstrationModel.Name,
            parsed.GetValue(_prompt),
            parsed.GetValue(_promptFile),
            parsed.GetValue(_system),
            parsed.GetValue(_raw),
            parsed.GetValue(_maxNewTokens) ?? DefaultMaxNewTokens,
            sampling,
            CommonOptions.ReadMachine(parsed, parsed.GetValue(_threads) ?? 0) with { MaxSequences = 1, MaxTopk = sampling.MaxTopk },
            parsed.GetValue(_json),
            parsed.GetValue(_trace))
        {
            Prompts = parsed.GetValue(_prompts),
            Stop = CheckStop(parsed.GetValue(_stop) ?? []),
            Samples = parsed.GetValue(_samples) ?? 1,
            LogProbs = parsed.GetValue(_logProbs),
        };
        Check(settings);
        return settings.Many ? settings with { Engine = ForMany(settings, parsed.GetValue(_batch) ?? DefaultBatch) } : settings;
    }

    private static void Check(GenerateSettings settings)
    {
        if (settings.Prompt != null && settings.PromptFile != null)
            throw new UsageException("--prompt and --prompt-file exclude each other");
        if (settings.Prompts != null && (settings.Prompt ?? settings.PromptFile) != null)
            throw new UsageException("--prompts excludes --prompt and --prompt-file");
        if (settings.System != null && settings.Raw)
            throw new UsageException("--system needs the chat template, which --raw switches off");
        bool json = settings.Json || settings.Prompts != null;
        if (settings.Samples > 1 && !json)
            throw new UsageException("--samples needs --json or --prompts");
        if (settings.LogProbs != null && !json)
            throw new UsageException("--log-probs needs --json or --prompts");
        if (settings.Trace != null && settings.Many)
            throw new UsageException("--trace follows one text; --prompts and --samples make many");
    }

    private static EngineOptions ForMany(GenerateSettings settings, int batch) => settings.Engine with
    {
        MaxSequences = settings.Prompts != null ? batch : settings.Samples,
        MaxTopk = Math.Max(settings.Sampling.MaxTopk, new EngineOptions().MaxTopk),
        QueueLength = int.MaxValue, // who submits keeps count
    };

    private static IReadOnlyList<string> CheckStop(string[] texts)
    {
        try
        {
            return new GenerationRequest { Prompt = [], StopStrings = texts }.StopStrings;
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new UsageException("--stop must be at most 16 texts, none of them empty");
        }
    }

    private static Option<string?> Text(string name, string value, string description) =>
        new(name) { Description = description, HelpName = value };

    private static Option<bool> Flag(string name, string description) => new(name) { Description = description };
}
