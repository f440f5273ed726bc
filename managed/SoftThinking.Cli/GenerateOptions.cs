using System.CommandLine;
using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>The settings of a `generate` command.</summary>
/// <param name="Model">Directory or file of the checkpoint.</param>
/// <param name="ModelName">Name of the model, as the user entered it.</param>
/// <param name="Prompt">Null if it is read from a file or from standard input.</param>
/// <param name="Raw">Whether the prompt is passed to the model as it is, without the chat template.</param>
/// <param name="Json">Whether to print one JSON object.</param>
/// <param name="Trace">File for one JSON object per generated token; null for none.</param>
internal sealed record GenerateSettings(
    string Model, string ModelName, string? Prompt, string? PromptFile, string? System, bool Raw, int MaxNewTokens,
    SamplingOptions Sampling, EngineOptions Engine, bool Json, string? Trace)
{
    /// <summary>File with one JSON object per line; "-" for standard input, null for a single question.</summary>
    public string? Prompts { get; init; }

    /// <summary>Texts that end the output.</summary>
    public IReadOnlyList<string> Stop { get; init; } = [];

    /// <summary>Number of answers per question.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>Number of most likely tokens whose log-probabilities are reported in addition to the token's own; null for no
    /// log-probabilities.</summary>
    public int? LogProbs { get; init; }

    /// <summary>Variables for the chat template; null if there are none.</summary>
    public JsonObject? TemplateVars { get; init; }

    /// <summary>Minimum number of generated tokens.</summary>
    public int MinNewTokens { get; init; }

    /// <summary>Whether the output starts inside a thought.</summary>
    public ThinkingStart Thinking { get; init; }

    /// <summary>Whether the texts that end the output also match inside a thought.</summary>
    public bool StopInThinking { get; init; }

    /// <summary>The sampling options for a model's own defaults; null where the published defaults hold.</summary>
    public Func<GenerationDefaults, SamplingOptions>? ModelSampling { get; init; }

    /// <summary>The settings for a loaded model.</summary>
    public GenerateSettings For(Engine engine) =>
        ModelSampling == null ? this : this with { Sampling = ModelSampling(engine.Defaults) };

    /// <summary>The request without a question, which the lines of --prompts complete.</summary>
    public GenerationRequest Request => new()
    {
        Prompt = Raw ? new TextPrompt("") : new ChatPrompt(System is string system ? [new ChatMessage("system", system)] : [])
        {
            TemplateVariables = TemplateVars,
        },
        Sampling = Sampling,
        Thinking = Thinking,
        MaxNewTokens = MaxNewTokens,
        MinNewTokens = MinNewTokens,
        Samples = Samples,
        StopStrings = Stop,
        StopInThinking = StopInThinking,
        LogProbs = LogProbs,
    };

    /// <summary>The request for the answer to a question.</summary>
    public GenerationRequest Ask(string question) => Request with
    {
        Prompt = Request.Prompt is ChatPrompt chat
            ? chat with { Messages = [.. chat.Messages, new ChatMessage("user", question)] }
            : new TextPrompt(question),
    };

    /// <summary>Whether several answers may be generated.</summary>
    public bool Many => Prompts != null || Samples > 1;
}

/// <summary>The options of `generate`.</summary>
internal sealed class GenerateOptions
{
    private const int DefaultMaxNewTokens = 4096, DefaultBatch = 16;
    private static readonly Prompt NoPrompt = new TextPrompt(""); // for requests that only validate a value
    private readonly Option<string?> _prompt = Text("--prompt", "TEXT", "The question.");
    private readonly Option<string?> _promptFile = Text("--prompt-file", "FILE",
        "Read the question from a file, without a line break at its end. Without --prompt and --prompt-file it is read from "
        + "standard input.");
    private readonly Option<string?> _prompts = Text("--prompts", "FILE",
        "Answer many questions. Each line of the file is a JSON object with \"prompt\" or \"messages\" and, optionally, \"id\", "
        + string.Join(", ", RequestJson.Keys.Except(["prompt", "messages"]).Select(key => $"\"{key}\"")) + " and the sampling options "
        + "(\"top_p\", \"seed\", \"logit_bias\", …), which override those of the command line. - is standard input. Prints one JSON object per line, "
        + "as --json does, in the order of the file. An invalid line yields an object with \"error\" and does not hold up the others; "
        + "the exit code is then 1.");
    private readonly Option<int?> _batch = NumberOption.Create<int>("--batch",
        "Sequences of --prompts generated concurrently: 1 to 1024.", DefaultBatch, value => _ = new EngineOptions { MaxSequences = value });
    private readonly Option<string?> _system = Text("--system", "TEXT", "A system message before the question.");
    private readonly Option<bool> _raw = Flag("--raw", "Pass the prompt to the model as it is, without the chat template.");
    private readonly Option<string[]?> _templateVars = Repeated("--template-var", "NAME=VALUE",
        "A variable for the chat template, such as enable_thinking=false. The value is JSON if it is valid JSON, else text; may be repeated.");
    private readonly Option<int?> _maxNewTokens = NumberOption.Create<int>("--max-new-tokens",
        "Maximum number of generated tokens, thoughts included: 1 or more; the model's context is a limit, too.", DefaultMaxNewTokens,
        value => _ = new GenerationRequest { Prompt = NoPrompt, MaxNewTokens = value });
    private readonly Option<int?> _minNewTokens = NumberOption.Create<int>("--min-new-tokens",
        "Minimum number of generated tokens: before that the model cannot end its text, and --stop does not match.", 0,
        value => _ = new GenerationRequest { Prompt = NoPrompt, MinNewTokens = value });
    private readonly Option<string?> _thinking = new("--thinking")
    {
        Description = "Whether the output starts inside a thought: auto (as the prompt leaves it), open or closed.",
        HelpName = "auto|open|closed",
    };
    private readonly Option<bool> _modelDefaults = Flag("--model-defaults",
        "Use the model's own sampling defaults (generation_config.json) for thoughts and answer, where no option here says otherwise.");
    private readonly Option<string[]?> _stop = Repeated("--stop", "TEXT",
        "Text that ends the answer and is not part of it; may be repeated up to 16 times.");
    private readonly Option<bool> _stopInThinking = Flag("--stop-in-thinking", "Let --stop match inside a thought, too.");

    private readonly Option<int?> _samples = NumberOption.Create<int>("--samples",
        "Answers per question, 1 to 256: answer i uses --seed + i. Needs --json or --prompts.", 1,
        value => _ = new GenerationRequest { Prompt = NoPrompt, Samples = value });
    private readonly Option<int?> _logProbs = NumberOption.Create<int>("--log-probs",
        "Report the log-probability of each token, and of this many most likely ones: 0 to 20. Needs --json or --prompts.", null,
        value => _ = new GenerationRequest { Prompt = NoPrompt, LogProbs = value });
    private readonly Option<int?> _threads = NumberOption.Create<int>("--threads",
        "Compute threads: 1 to 1024, or 0 for one per core. The output does not depend on it.", 0,
        value => _ = new EngineOptions { Threads = value });
    private readonly Option<bool> _json = Flag("--json", "Print one JSON object with the text, every generated token, and timings.");
    private readonly Option<string?> _trace = Text("--trace", "FILE",
        "Write one JSON object per generated token, line by line, as the model generates.");

    public GenerateOptions()
    {
        Groups =
        [
            new("prompt", [CommonOptions.Model, _prompt, _promptFile, _prompts, _batch, _system, _templateVars, _raw]),
            new("soft thinking", Sampling.Of(SamplingSection.Thinking)),
            new("start and end of thinking", [_thinking, .. Sampling.Of(SamplingSection.EndOfThinking)]),
            new("answer (and everything with --no-soft-thinking)", Sampling.Of(SamplingSection.Answer)),
            new("penalties", Sampling.Of(SamplingSection.Penalties)),
            new("limits and randomness", [_modelDefaults, _maxNewTokens, _minNewTokens, _stop, _stopInThinking, .. Sampling.Of(SamplingSection.Randomness), _samples]),
            new("machine", [CommonOptions.Device, _threads, CommonOptions.Weights, CommonOptions.KvDtype, CommonOptions.FastPrefill]),
            new("output", [_json, _logProbs, _trace]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <summary>The sampling options.</summary>
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
            MinNewTokens = parsed.GetValue(_minNewTokens) ?? 0,
            Thinking = ReadThinking(parsed.GetValue(_thinking)),
            StopInThinking = parsed.GetValue(_stopInThinking),
            ModelSampling = parsed.GetValue(_modelDefaults) ? defaults => Sampling.Read(parsed, defaults) : null,
            TemplateVars = TemplateVariables.Parse(parsed.GetValue(_templateVars) ?? []),
        };
        Check(settings);
        return settings.Many ? settings with { Engine = ForMany(settings, parsed.GetValue(_batch) ?? DefaultBatch) } : settings;
    }

    private static void Check(GenerateSettings settings)
    {
        if (settings.Prompt != null && settings.PromptFile != null)
            throw new UsageException("--prompt and --prompt-file cannot be combined");
        if (settings.Prompts != null && (settings.Prompt ?? settings.PromptFile) != null)
            throw new UsageException("--prompts cannot be combined with --prompt or --prompt-file");
        if (settings.System != null && settings.Raw)
            throw new UsageException("--system needs the chat template, which --raw switches off");
        if (settings.Raw && settings.TemplateVars != null)
            throw new UsageException("--template-var needs the chat template, which --raw switches off");
        bool json = settings.Json || settings.Prompts != null;
        if (settings.Samples > 1 && !json)
            throw new UsageException("--samples needs --json or --prompts");
        if (settings.LogProbs != null && !json)
            throw new UsageException("--log-probs needs --json or --prompts");
        if (settings.Trace != null && settings.Many)
            throw new UsageException("--trace works with a single answer; --prompts and --samples generate several");
    }

    private static EngineOptions ForMany(GenerateSettings settings, int batch) => settings.Engine with
    {
        MaxSequences = settings.Prompts != null ? batch : settings.Samples,
        MaxTopk = Math.Max(settings.Sampling.MaxTopk, new EngineOptions().MaxTopk),
        QueueLength = int.MaxValue, // ManyPrompts limits what it submits
    };

    /// <exception cref="UsageException">The word is unknown.</exception>
    private static ThinkingStart ReadThinking(string? word) => word switch
    {
        null or "auto" => ThinkingStart.Auto,
        "open" => ThinkingStart.Open,
        "closed" => ThinkingStart.Closed,
        _ => throw new UsageException($"--thinking must be auto, open or closed, not '{word}'"),
    };

    private static IReadOnlyList<string> CheckStop(string[] texts)
    {
        try
        {
            return new GenerationRequest { Prompt = NoPrompt, StopStrings = texts }.StopStrings;
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new UsageException("--stop must be at most 16 texts, none of them empty");
        }
    }

    private static Option<string?> Text(string name, string value, string description) =>
        new(name) { Description = description, HelpName = value };

    private static Option<string[]?> Repeated(string name, string value, string description) => new(name)
    {
        Description = description,
        HelpName = value,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    private static Option<bool> Flag(string name, string description) => new(name) { Description = description };
}
