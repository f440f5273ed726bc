using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary><c>/v1/chat/completions</c> of the OpenAI API, with the fields that servers of reasoning models share.</summary>
internal sealed class ChatCompletions : IDialect
{
    /// <summary>The fields of a request. The later ones override the earlier.</summary>
    public static FieldSet<Call> Fields { get; } = new(
    [
        new("messages", Schemas.Array("The conversation so far.", ChatSchemas.Turn),
            (call, field) => call.WithChat(chat => chat with { Messages = RequestJson.ReadMessages(ChatTurns.CheckLength(field, call.MaxMessages)) })) { Required = true },
        CommonFields.Model,
        CommonFields.Stream,
        CommonFields.StreamOptions,
        CommonFields.Samples("n"),
        CommonFields.MaxTokens("max_tokens", "Most generated tokens, thoughts included; by default as many as the context holds."),
        CommonFields.MaxTokens("max_completion_tokens", "The same by its newer name."),
        CommonFields.Stops("stop"),
        .. CommonFields.Ends,
        CommonFields.TemplateVariables,
        new("add_generation_prompt", Schemas.Flag("Whether the prompt ends with the start of the assistant's turn."),
            (call, field) => call.WithChat(chat => chat with { AddGenerationPrompt = field.Flag() })),
        new("tools", Schemas.Array("Tools that the model may call.", Schemas.Object("{\"type\": \"function\", \"function\": {\"name\", \"description\", \"parameters\"}}")),
            (call, field) => call.WithChat(chat => chat with { Tools = ToolFields.ReadTools(field) })),
        new("tool_choice", Schemas.OneOf("\"auto\" or \"none\".", Schemas.Choice("Whether tools may be called.", ["auto", "none"]), Schemas.Object("Not supported.")),
            ToolFields.WithChoice),
        ToolFields.Parallel,
        new("logprobs", Schemas.Flag("Whether the reply has the log-probabilities of its tokens."),
            (call, field) => field.Flag() ? (call with { LogProbs = true }).With(request => request with { LogProbs = 0 }) : call),
        new("top_logprobs", Schemas.Integer("How many of the most likely tokens have theirs, too.", 0, 20), ReadTopLogProbs),
        .. CommonFields.Sampling,
        ThinkingFields.Thinking,
        ThinkingFields.Effort("reasoning_effort"),
        new("thinking_token_budget", Schemas.Integer("Most thoughts; then the end of thinking is forced.", 0),
            (call, field) => call.WithSampling(sampling => sampling with { MaxThinkingTokens = field.Number<int>() })),
        new("reasoning_control", Schemas.Flag("Whether /v1/chat/completions/control may end the thinking."),
            (call, field) => call with { ReasoningControl = field.Flag() && call.ModelThinks }),
        .. CommonFields.Shown,
        new("reasoning_field", Schemas.Choice("The field of the reply that holds the thought.", ReasoningFields.Names),
            (call, field) => call with { ReasoningField = ReasoningFields.Read(field) }),
        CommonFields.Refused("response_format", Schemas.Object("{\"type\": \"text\"}."), CommonFields.IsTextFormat, ": only {\"type\": \"text\"} is, as there are no grammars"),
        CommonFields.Refused("functions", Schemas.Array("Not supported.", Schemas.Object("A function.")), _ => false, "; use tools"),
        CommonFields.Refused("audio", Schemas.Object("Not supported."), _ => false, ""),
    ]);

    public Call Read(JsonElement body, CallContext context) => ChatTurns.Complete(Fields.Read(body, context.NewChat()), context);

    public void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context) => new ChatWriter(call, context).Write(json, reply);

    public IReplyWriter Stream(EventStream stream, Call call, CallContext context) => new ChatStream(stream, call, new ChatWriter(call, context));

    public void WriteError(Utf8JsonWriter json, WireError error) => OpenAiError.Write(json, error);

    private static Call ReadTopLogProbs(Call call, JsonField field) => call.LogProbs
        ? call.With(request => request with { LogProbs = field.Number<int>() })
        : throw new JsonFieldException(field.Key, "top_logprobs needs \"logprobs\": true");
}
