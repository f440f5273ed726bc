using System.CommandLine;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>The settings of a `generate` command.</summary>
/// <param name="Model">The checkpoint.</param>
/// <param name="Prompt">Null if it is read from a file or from standard input.</param>
/// <param name="Raw">Whether the prompt is passed to the model as it is, without the chat template.</param>
/// <param name="Request">The request without a question, which the lines of --prompts complete.</param>
/// <param name="Json">Whether to print one JSON object.</param>
/// <param name="Trace">File for one JSON object per generated token; null for none.</param>
/// <param name="Record">File for the records of all tokens; null for none.</param>
internal sealed record GenerateSettings(
    ModelChoice Model, string? Prompt, string? PromptFile, bool Raw, GenerationRequest Request, EngineOptions Engine, bool Json,
    string? Trace, string? Record)
{
    /// <summary>File with one JSON object per line; "-" for standard input, null for a single question.</summary>
    public string? Prompts { get; init; }

    /// <summary>The request for a model's own defaults; null where the published defaults hold.</summary>
    public Func<GenerationDefaults, GenerationRequest>? ModelRequest { get; init; }

    /// <summary>The settings for a loaded model.</summary>
    public GenerateSettings For(Engine engine) => ModelRequest == null ? this : this with { Request = ModelRequest(engine.Defaults) };

    /// <summary>The request for the answer to a question.</summary>
    public GenerationRequest Ask(string question) => Request with
    {
        Prompt = Request.Prompt is ChatPrompt chat
            ? chat with { Messages = [.. chat.Messages, new ChatMessage("user", question)] }
            : new TextPrompt(question),
    };

    /// <summary>Whether several answers may be generated.</summary>
    public bool Many => Prompts != null || Request.Samples > 1;
}

/// <summary>The options of `generate`.</summary>
internal sealed class GenerateOptions
{
    private const int DefaultMaxNewTokens = 4096, DefaultBatch = 16;
    private static readonly Prompt NoPrompt = new TextPrompt(""); // for requests that only validate a value
    private readonly Option<string?> _prompt = OptionKinds.Text("--prompt", "TEXT", "The question.");
    private readonly Option<string?> _promptFile = OptionKinds.PathTo("--prompt-file", "FILE",
        "Read the question from a file, without a line break at its end. Without --prompt and --prompt-file it is read from "
        + "standard input.");
    private readonly Option<string?> _prompts = OptionKinds.PathTo("--prompts", "FILE",
        "Answer many questions. Each line of the file is a JSON object with \"prompt\" or \"messages\" and, optionally, \"id\", "
        + string.Join(", ", RequestJson.Keys.Except(["prompt", "messages"]).Select(key => $"\"{key}\"")) + " and the sampling options "
        + "(\"top_p\", \"seed\", \"logit_bias\", …), which override those of the command line. - is standard input. Prints one JSON object per line, "
        + "as --json does, in the order of the file. An invalid line yields an object with \"error\" and does not hold up the others; "
        + "the exit code is then 1.");
    private readonly Option<int?> _batch = NumberOption.Create<int>("--batch",
        "Sequences of --prompts generated concurrently: 1 to 1024.", DefaultBatch, value => _ = new EngineOptions { MaxSequences = value });
    private readonly Option<bool> _raw = OptionKinds.Flag("--raw", "Pass the prompt to the model as it is, without the chat template.");
    private readonly RequestArguments _request = new(DefaultMaxNewTokens);
    private readonly Option<int?> _samples = NumberOption.Create<int>("--samples",
        "Answers per question, 1 to 256: answer i uses --seed + i. Needs --json or --prompts.", 1,
        value => _ = new GenerationRequest { Prompt = NoPrompt, Samples = value });
    private readonly Option<int?> _logProbs = NumberOption.Create<int>("--log-probs",
        "Report the log-probability of each token, and of this many most likely ones: 0 to 20. Needs --json or --prompts.", null,
        value => _ = new GenerationRequest { Prompt = NoPrompt, LogProbs = value });
    private readonly Option<bool> _json = OptionKinds.Flag("--json", "Print one JSON object with the text, every generated token, and timings.");
    private readonly Option<string?> _trace = OptionKinds.PathTo("--trace", "FILE",
        "Write one JSON object per generated token, line by line, as the model generates; with --record, it has the token's record.");
    private readonly Option<string?> _record = OptionKinds.PathTo("--record", "FILE",
        "Record how each token was sampled (its entries, their log-probabilities and scores, the statistics of its logits) in a .safetensors file for all "
        + "questions and samples. It is written at the end; an interrupted run leaves the answers that were complete. A line of --prompts "
        + "with \"record\": true has records in its answer, too, as JSON.");

    public GenerateOptions()
    {
        Groups =
        [
            new("prompt", [CommonOptions.Model, _prompt, _promptFile, _prompts, _batch, .. _request.Prompt, _raw]),
            .. _request.Sampling,
            new("limits and randomness", [.. _request.Limits, _samples]),
            new("machine", CommonOptions.Machine),
            new("output", [_json, _logProbs, _trace, _record]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <exception cref="UsageException">Options contradict each other.</exception>
    public GenerateSettings Read(ParseResult parsed)
    {
        bool raw = parsed.GetValue(_raw);
        GenerationRequest request = RequestOf(parsed, null);
        GenerateSettings settings = new(
            ModelChoice.Of(parsed.GetValue(CommonOptions.Model)),
            parsed.GetValue(_prompt),
            parsed.GetValue(_promptFile),
            raw,
            request,
            CommonOptions.ReadMachine(parsed) with { MaxSequences = 1, MaxTopk = request.Sampling.Entries },
            parsed.GetValue(_json),
            parsed.GetValue(_trace),
            parsed.GetValue(_record))
        {
            Prompts = parsed.GetValue(_prompts),
            ModelRequest = _request.NeedModelDefaults(parsed) ? defaults => RequestOf(parsed, defaults) : null,
        };
        Check(settings);
        return settings.Many ? settings with { Engine = ForMany(settings, parsed.GetValue(_batch) ?? DefaultBatch) } : settings;
    }

    private GenerationRequest RequestOf(ParseResult parsed, GenerationDefaults? defaults) =>
        _request.Read(parsed, parsed.GetValue(_raw), defaults) with
        {
            Samples = parsed.GetValue(_samples) ?? 1,
            LogProbs = parsed.GetValue(_logProbs),
        };

    private static void Check(GenerateSettings settings)
    {
        if (settings.Prompt != null && settings.PromptFile != null)
            throw new UsageException("--prompt and --prompt-file cannot be combined");
        if (settings.Prompts != null && (settings.Prompt ?? settings.PromptFile) != null)
            throw new UsageException("--prompts cannot be combined with --prompt or --prompt-file");
        bool json = settings.Json || settings.Prompts != null;
        if (settings.Request.Samples > 1 && !json)
            throw new UsageException("--samples needs --json or --prompts");
        if (settings.Request.LogProbs != null && !json)
            throw new UsageException("--log-probs needs --json or --prompts");
        if (settings.Trace != null && settings.Many)
            throw new UsageException("--trace works with a single answer; --prompts and --samples generate several");
    }

    private static EngineOptions ForMany(GenerateSettings settings, int batch) => settings.Engine with
    {
        MaxSequences = settings.Prompts != null ? batch : settings.Request.Samples,
        MaxTopk = settings.Prompts != null ? ConceptToken.MaxEntries : settings.Engine.MaxTopk, // a line may need more than the command line
        QueueLength = int.MaxValue, // ManyPrompts limits what it submits
    };
}
