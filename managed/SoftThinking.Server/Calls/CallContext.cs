using System.Security.Cryptography;
using SoftThinking.Tokenization;

namespace SoftThinking.Server.Calls;

/// <summary>What a dialect needs besides the body of a request.</summary>
/// <param name="Model">The model.</param>
/// <param name="Options">How the server is set up.</param>
internal sealed record CallContext(ServedModel Model, ServerOptions Options)
{
    /// <summary>Random part of the reply's id.</summary>
    public string Id { get; } = RandomNumberGenerator.GetHexString(24, lowercase: true);

    /// <summary>When the request came, in seconds since 1970.</summary>
    public long Created { get; } = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public Tokenizer Tokenizer => Model.Engine.Tokenizer;

    /// <summary>A call for the next turn of a conversation, without any message or field of its own.</summary>
    public Call NewChat() => NewCall(Model.Defaults with { Prompt = (Model.Defaults.Prompt as ChatPrompt ?? new ChatPrompt([])) with { Messages = [] } });

    /// <summary>A call for the continuation of a text, without any field of its own. To its client the thought is text as any other, in
    /// which stop strings match.</summary>
    public Call NewText() => NewCall(Model.Defaults with { Prompt = new TextPrompt(""), StopInThinking = true });

    private Call NewCall(GenerationRequest request) => new()
    {
        Requests = [request],
        ModelThinks = Model.Thinks,
        MaxMessages = Options.MaxMessages,
        ReasoningField = Options.ReasoningField,
    };
}
