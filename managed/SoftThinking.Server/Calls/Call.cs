using SoftThinking.Chat;

namespace SoftThinking.Server.Calls;

/// <summary>What a client asks for, in whichever dialect.</summary>
internal sealed record Call
{
    /// <summary>What to generate: one request, or one for each prompt of a batch.</summary>
    public required IReadOnlyList<GenerationRequest> Requests { get; init; }

    /// <summary>Whether the model has thoughts that can be ended.</summary>
    public bool ModelThinks { get; init; }

    /// <summary>Most messages of the conversation.</summary>
    public int MaxMessages { get; init; }

    /// <summary>Whether the client sent a list of prompts, even if of one.</summary>
    public bool IsBatch { get; init; }

    /// <summary>Id that the client gave the request; null for none.</summary>
    public string? Id { get; init; }

    /// <summary>The model that the client names; null for any.</summary>
    public string? Model { get; init; }

    /// <summary>Whether the reply is sent as it is generated.</summary>
    public bool Stream { get; init; }

    /// <summary>Whether a streamed reply ends with the token counts.</summary>
    public bool IncludeUsage { get; init; }

    /// <summary>Whether the reply has the thought.</summary>
    public bool IncludeReasoning { get; init; } = true;

    public ReasoningField ReasoningField { get; init; }

    /// <summary>Whether a streamed thought is sent as its own summary.</summary>
    public bool ReasoningAsSummary { get; init; }

    /// <summary>Whether the reply has every token with its entries.</summary>
    public bool ConceptTokens { get; init; }

    /// <summary>Whether the reply has the ids of its tokens.</summary>
    public bool TokenIds { get; init; }

    /// <summary>Whether the reply has log-probabilities.</summary>
    public bool LogProbs { get; init; }

    /// <summary>First position whose log-probability is wanted, counted from the start of the prompt; -1 for that after the prompt.</summary>
    public int LogProbStart { get; init; } = -1;

    /// <summary>Whether the text has the special tokens.</summary>
    public bool SpecialTokens { get; init; }

    /// <summary>Whether the text has the stop that ended it.</summary>
    public bool KeepStop { get; init; }

    /// <summary>How tool calls are written; None where the request has no tools.</summary>
    public ToolCallSyntax Tools { get; init; }

    /// <summary>Whether the client may end the thinking while the reply is generated.</summary>
    public bool ReasoningControl { get; init; }

    /// <summary>Whether only the first tool call counts.</summary>
    public bool SingleToolCall { get; init; }

    /// <summary>The request of a call with one.</summary>
    public GenerationRequest Request => Requests[0];

    /// <summary>Samples of all requests.</summary>
    public int Choices => Requests.Sum(request => request.Samples);

    /// <summary>The call with every request changed.</summary>
    public Call With(Func<GenerationRequest, GenerationRequest> change) => this with { Requests = [.. Requests.Select(change)] };

    /// <summary>The call with the conversation of its one request changed.</summary>
    public Call WithChat(Func<ChatPrompt, ChatPrompt> change) => With(request => request with { Prompt = change((ChatPrompt)request.Prompt) });

    /// <summary>The call with other sampling options.</summary>
    public Call WithSampling(Func<SamplingOptions, SamplingOptions> change) => With(request => request with { Sampling = change(request.Sampling) });
}
