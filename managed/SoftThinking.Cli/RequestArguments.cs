using System.CommandLine;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>The options of a request, without its question: what `generate` and `eval` have in common.</summary>
/// <param name="maxNewTokens">Default of --max-new-tokens; null for what the context holds.</param>
/// <param name="seed">Default of --seed; null for a random one.</param>
internal sealed class RequestArguments(int? maxNewTokens, ulong? seed = 0)
{
    private static readonly Prompt NoPrompt = new TextPrompt(""); // for requests that only validate a value
    private readonly SamplingArguments _sampling = new(seed);
    private readonly Option<string?> _system = OptionKinds.Text("--system", "TEXT", "A system message before the question.");
    private readonly Option<string[]?> _templateVars = OptionKinds.Repeated("--template-var", "NAME=VALUE",
        "A variable for the chat template, such as enable_thinking=false. The value is JSON if it is valid JSON, else text; may be repeated.");
    private readonly Option<int?> _maxNewTokens = NumberOption.Create<int>("--max-new-tokens",
        "Maximum number of generated tokens, thoughts included: 1 or more; the model's context is a limit, too.", maxNewTokens,
        value => _ = new GenerationRequest { Prompt = NoPrompt, MaxNewTokens = value });
    private readonly Option<int?> _minNewTokens = NumberOption.Create<int>("--min-new-tokens",
        "Minimum number of generated tokens: before that the model cannot end its text, and --stop does not match.", 0,
        value => _ = new GenerationRequest { Prompt = NoPrompt, MinNewTokens = value });
    private readonly Option<string?> _thinking = new("--thinking")
    {
        Description = "Whether the output starts inside a thought: auto (as the prompt leaves it), open or closed.",
        HelpName = "auto|open|closed",
    };
    private readonly Option<bool> _modelDefaults = OptionKinds.Flag("--model-defaults",
        "Use the model's own sampling defaults (generation_config.json) for thoughts and answer, where no option here says otherwise.");
    private readonly Option<string[]?> _stop = OptionKinds.Repeated("--stop", "TEXT",
        "Text that ends the answer and is not part of it; may be repeated up to 16 times.");
    private readonly Option<bool> _stopInThinking = OptionKinds.Flag("--stop-in-thinking", "Let --stop match inside a thought, too.");

    /// <summary>Options of the prompt.</summary>
    public Option[] Prompt => [_system, _templateVars];

    /// <summary>Options of thinking and sampling, for the help.</summary>
    public IReadOnlyList<OptionGroup> Sampling =>
    [
        new("soft thinking", _sampling.Of(SamplingSection.Thinking)),
        new("strategies", _sampling.Of(SamplingSection.Strategy)),
        new("start and end of thinking", [_thinking, .. _sampling.Of(SamplingSection.EndOfThinking)]),
        new("early exits", _sampling.Of(SamplingSection.EarlyExits)),
        new("answer (and everything with --no-soft-thinking)", _sampling.Of(SamplingSection.Answer)),
        new("penalties", _sampling.Of(SamplingSection.Penalties)),
    ];

    /// <summary>Limits and the seed.</summary>
    public Option[] Limits =>
        [_modelDefaults, _maxNewTokens, _minNewTokens, _stop, _stopInThinking, .. _sampling.Of(SamplingSection.Randomness)];

    /// <summary>Whether the sampling options depend on the model's own defaults.</summary>
    public bool NeedModelDefaults(ParseResult parsed) => parsed.GetValue(_modelDefaults);

    /// <summary>The request, whose conversation has no question yet.</summary>
    /// <param name="raw">Whether there is no chat template.</param>
    /// <param name="defaults">The model's own sampling defaults; null for the published ones.</param>
    /// <exception cref="UsageException">A value is wrong, or options contradict each other.</exception>
    public GenerationRequest Read(ParseResult parsed, bool raw = false, GenerationDefaults? defaults = null)
    {
        string? system = parsed.GetValue(_system);
        string[] variables = parsed.GetValue(_templateVars) ?? [];
        if (system != null && raw)
            throw new UsageException("--system needs the chat template, which --raw switches off");
        if (raw && variables.Length > 0)
            throw new UsageException("--template-var needs the chat template, which --raw switches off");
        return new GenerationRequest
        {
            Prompt = raw ? NoPrompt : new ChatPrompt(system != null ? [new ChatMessage("system", system)] : [])
            {
                TemplateVariables = TemplateVariables.Parse(variables),
            },
            Sampling = _sampling.Read(parsed, defaults),
            Thinking = ReadThinking(parsed.GetValue(_thinking)),
            MaxNewTokens = parsed.GetValue(_maxNewTokens) ?? maxNewTokens,
            MinNewTokens = parsed.GetValue(_minNewTokens) ?? 0,
            StopStrings = CheckStop(parsed.GetValue(_stop) ?? []),
            StopInThinking = parsed.GetValue(_stopInThinking),
        };
    }

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
}
