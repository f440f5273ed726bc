using SoftThinking.Tokenization;

namespace SoftThinking.Server.Calls;

/// <summary>What a dialect needs besides the body of a request.</summary>
/// <param name="Model">The model.</param>
/// <param name="Options">How the server is set up.</param>
/// <param name="Id">Random part of the reply's id.</param>
/// <param name="Created">When the request came, in seconds since 1970.</param>
internal sealed record CallContext(ServedModel Model, ServerOptions Options, string Id, long Created)
{
    public Tokenizer Tokenizer => Model.Engine.Tokenizer;

    /// <summary>A call for the next turn of a conversation, without any field of its own.</summary>
    public Call NewChat() => NewCall(Model.Defaults.Prompt is ChatPrompt ? Model.Defaults : Model.Defaults with { Prompt = new ChatPrompt([]) });

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
