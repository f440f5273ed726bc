using System.Text.Json.Nodes;

namespace SoftThinking;

/// <summary>What to generate from, and how.</summary>
public sealed record GenerationRequest
{
    /// <summary>What the sequence starts with. It must leave room in the context for at least one new token.</summary>
    public required Prompt Prompt { get; init => field = OptionRange.NotNull(value); }

    /// <summary>How tokens are sampled.</summary>
    public SamplingOptions Sampling { get; init => field = OptionRange.NotNull(value); } = new();

    /// <summary>Whether a thought is open where the output starts.</summary>
    public ThinkingStart Thinking { get; init; }

    /// <summary>Cancelling it ends the thoughts in progress as a used-up budget does, within a few tokens; it has no effect on an answer.
    /// What is generated then depends on when that was.</summary>
    public CancellationToken EndThinking { get; init; }

    /// <summary>Maximum number of new tokens, 1 or more; null for <see cref="EngineOptions.MaxNewTokens"/>, or as many as the
    /// context holds.</summary>
    public int? MaxNewTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 1, int.MaxValue, "1 or more") : null;
    }

    /// <summary>Minimum number of new tokens, 0 or more: before that, the ids that end a text and <see cref="StopIds"/> are not
    /// sampled, and <see cref="StopStrings"/> do not match.</summary>
    public int MinNewTokens
    {
        get;
        init => field = OptionRange.Check(value, 0, int.MaxValue, "0 or more");
    }

    /// <summary>Number of samples, 1 to 256. Sample i equals the result of a request for one sample with the seed
    /// <see cref="SamplingOptions.Seed"/> + i; the prompt is computed once.</summary>
    public int Samples
    {
        get;
        init => field = OptionRange.Check(value, 1, 256, "1 to 256");
    } = 1;

    /// <summary>Texts that end the answer and are not part of it. At most 16, none empty.</summary>
    public IReadOnlyList<string> StopStrings
    {
        get;
        init => field = OptionRange.CheckAll(value, 16, text => text?.Length > 0, "none empty");
    } = [];

    /// <summary>Whether <see cref="StopStrings"/> also match inside a thought.</summary>
    public bool StopInThinking { get; init; }

    /// <summary>Ids that end a sample as the model's own end of text does: at most 64, each 0 or more.</summary>
    public IReadOnlyList<int> StopIds
    {
        get;
        init => field = OptionRange.CheckAll(value, 64, id => id >= 0, "each 0 or more");
    } = [];

    /// <summary>Whether to continue where the model ends its text; for benchmarks.</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>Number of most likely ids whose log-probabilities are reported with each token, besides that of the token itself:
    /// 0 to 20; null for no log-probabilities.</summary>
    public int? LogProbs
    {
        get;
        init => field = value is int count ? OptionRange.Check(count, 0, 20, "0 to 20") : null;
    }

    /// <summary>Whether <see cref="GeneratedToken.Record"/> is reported with each token.</summary>
    public bool Record { get; init; }

    /// <summary>-1000 to 1000: each level counts as an arrival 16 requests earlier. A request therefore overtakes at most
    /// 16 times the difference of priorities, and none waits forever.</summary>
    public int Priority
    {
        get;
        init => field = OptionRange.Check(value, -1000, 1000, "-1000 to 1000");
    }

    /// <summary>The request with the values that the model's makers recommend (<c>Engine.Defaults</c>) for both sets of filters
    /// and the repetition penalty; what they do not name stays as it is. "do_sample": false means greedy.</summary>
    /// <exception cref="ArgumentNullException">The defaults are null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A recommended value is out of the range of its option.</exception>
    public GenerationRequest WithDefaults(GenerationDefaults defaults)
    {
        ArgumentNullException.ThrowIfNull(defaults);
        return this with
        {
            Sampling = Sampling with
            {
                Thinking = With(Sampling.Thinking),
                AfterThinking = With(Sampling.AfterThinking),
                RepetitionPenalty = (float?)defaults.RepetitionPenalty ?? Sampling.RepetitionPenalty,
            },
        };

        FilterOptions With(FilterOptions filter) => filter with
        {
            Temperature = defaults.DoSample == false ? 0 : (float?)defaults.Temperature ?? filter.Temperature,
            TopP = (float?)defaults.TopP ?? filter.TopP,
            TopK = defaults.TopK ?? filter.TopK,
            MinP = (float?)defaults.MinP ?? filter.MinP,
        };
    }

    /// <summary>A request for the continuation of a text, without a chat template.</summary>
    /// <exception cref="ArgumentNullException">The text is null.</exception>
    public static GenerationRequest FromText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return new() { Prompt = new TextPrompt(text) };
    }

    /// <summary>A request for the answer to one question, asked by a user through the model's chat template.</summary>
    /// <exception cref="ArgumentNullException">The question is null.</exception>
    public static GenerationRequest FromQuestion(string question)
    {
        ArgumentNullException.ThrowIfNull(question);
        return FromMessages([new ChatMessage("user", question)]);
    }

    /// <summary>A request for the next turn of a conversation.</summary>
    /// <param name="messages">The turns so far, at least one.</param>
    /// <param name="templateVariables">Further variables of the chat template, such as <c>enable_thinking</c>.</param>
    /// <param name="tools">JSON schemas of the tools, an array; null for none.</param>
    /// <exception cref="ArgumentNullException">The messages, or one of them, are null.</exception>
    public static GenerationRequest FromMessages(
        IEnumerable<ChatMessage> messages, JsonObject? templateVariables = null, JsonNode? tools = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ChatMessage[] turns = [.. messages];
        foreach (ChatMessage turn in turns)
            ArgumentNullException.ThrowIfNull(turn, nameof(messages));
        return new() { Prompt = new ChatPrompt(turns) { TemplateVariables = templateVariables, Tools = tools } };
    }

    /// <summary>A request for the continuation of tokens.</summary>
    /// <exception cref="ArgumentNullException">The tokens are null.</exception>
    public static GenerationRequest FromTokens(IEnumerable<ConceptToken> tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return new() { Prompt = new TokenPrompt([.. tokens]) };
    }
}
