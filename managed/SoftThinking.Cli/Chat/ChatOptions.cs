using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>The settings of a `chat` command.</summary>
/// <param name="Model">The checkpoint.</param>
/// <param name="Request">The request for an answer, with no message but that of --system.</param>
/// <param name="Load">File of a saved conversation; null for none.</param>
/// <param name="Json">Whether to print a JSON object for each answer.</param>
internal sealed record ChatSettings(ModelChoice Model, GenerationRequest Request, EngineOptions Engine, string? Load, bool Json)
{
    /// <summary>The request for a model's own defaults; null where the published defaults hold.</summary>
    public Func<GenerationDefaults, GenerationRequest>? ModelRequest { get; init; }
}

/// <summary>The options of `chat`.</summary>
internal sealed class ChatOptions
{
    private const int DefaultMaxNewTokens = 4096;
    private readonly RequestArguments _request = new(DefaultMaxNewTokens);
    private readonly Option<string?> _load = OptionKinds.PathTo("--load", "FILE",
        "Continue a conversation that /save has written, or one of the form {\"messages\": […]}. --system replaces its system message.");
    private readonly Option<bool> _json = OptionKinds.Flag("--json",
        "Print one JSON object per answer, as generate --json does, with \"cached_tokens\" besides.");

    public ChatOptions()
    {
        Groups =
        [
            new("conversation", [CommonOptions.Model, _load, .. _request.Prompt]),
            .. _request.Sampling,
            new("limits and randomness, for each answer", _request.Limits),
            new("machine", CommonOptions.Machine),
            new("output", [_json]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <exception cref="UsageException">Options contradict each other.</exception>
    public ChatSettings Read(ParseResult parsed)
    {
        GenerationRequest request = _request.Read(parsed);
        return new ChatSettings(
            ModelChoice.Of(parsed.GetValue(CommonOptions.Model)),
            request,
            CommonOptions.ReadMachine(parsed) with { MaxSequences = 1, MaxTopk = request.Sampling.Entries },
            parsed.GetValue(_load),
            parsed.GetValue(_json))
        {
            ModelRequest = _request.NeedModelDefaults(parsed) ? defaults => _request.Read(parsed, defaults: defaults) : null,
        };
    }
}
