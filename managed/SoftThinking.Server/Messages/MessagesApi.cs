using System.Text.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Messages;

/// <summary><c>/v1/messages</c> of the Anthropic API.</summary>
internal sealed class MessagesApi : IDialect
{
    private const string MaxTokens = "max_tokens";

    private static readonly FieldSet<Call> Output = new(
    [
        ThinkingFields.Effort("effort"),
        CommonFields.Refused("format", Schemas.Object("Not supported."), _ => false, ", as there are no grammars"),
    ]);

    private static readonly FieldSet<Call> ToolChoice = new(
    [
        new("type", Schemas.Choice("Whether tools may be called.", ["auto", "none"]), ToolFields.WithChoice) { Required = true },
        new("disable_parallel_tool_use", Schemas.Flag("Whether the reply may have only one tool call."), (call, field) => call with { SingleToolCall = field.Flag() }),
    ]);

    private static readonly Field<Call>[] OfPrompt =
    [
        new("system", Schemas.OneOf("The system message.", Schemas.Text("Its text."), Schemas.Array("Its parts.", Schemas.Object("{\"type\": \"text\", \"text\"}"))),
            (call, field) => call.WithChat(chat => chat with { Messages = [new ChatMessage("system", TextParts.Read(field, "text"))] })),
        new("messages", Schemas.Array("The conversation so far.", Schemas.Object("A message: role, and content, which is a text or an array of blocks.")), MessageTurns.Read) { Required = true },
        CommonFields.Model,
        CommonFields.TemplateVariables,
        new("tools", Schemas.Array("Tools that the model may call. Those of other types than custom are left out.", Schemas.Object("{\"name\", \"description\", \"input_schema\"}")),
            (call, field) => ToolFields.With(call, ToolFields.ReadFlat(field, type: "custom", schema: "input_schema"))),
        new("tool_choice", Schemas.Object("{\"type\": \"auto\" | \"none\"}."), (call, field) => ToolChoice.Read(field.Value, call, $"{field.Key}.")),
        new("output_config", Schemas.Object("{\"effort\"}: how long the model may think."), (call, field) => Output.Read(field.Value, call, $"{field.Key}.")),
        ThinkingFields.Thinking,
    ];

    /// <summary>The fields of a request. The later ones override the earlier.</summary>
    public static FieldSet<Call> Fields { get; } = new(
    [
        CommonFields.MaxTokens(MaxTokens, "Most generated tokens, thoughts included.") with { Required = true },
        .. CommonFields.Sampling,
        .. OfPrompt,
        CommonFields.Stream,
        CommonFields.Stops("stop_sequences"),
        .. CommonFields.Ends,
        .. CommonFields.Shown,
        CommonFields.Ignored("metadata", Schemas.Object("Has no effect.")),
    ]);

    /// <summary>The fields of a request that only counts the tokens of its prompt.</summary>
    public static FieldSet<Call> CountFields { get; } = new(OfPrompt);

    public Call Read(JsonElement body, CallContext context)
    {
        Call call = Read(Fields, body, context);
        IReadOnlyList<ChatMessage> turns = ((ChatPrompt)call.Request.Prompt).Messages;
        return turns[^1].Role != "assistant"
            ? call
            : throw new WireException(WireError.Invalid("messages must not end with the assistant: to continue its text is not supported", "messages"));
    }

    /// <summary>Answers <c>/v1/messages/count_tokens</c>: the number of tokens of a request's prompt, of whose other fields none
    /// matters.</summary>
    /// <exception cref="WireException">The body is wrong.</exception>
    /// <exception cref="ArgumentException">A field is wrong.</exception>
    public static Action<Utf8JsonWriter> CountTokens(JsonElement body, CallContext context)
    {
        Call call = Read(CountFields, body, context);
        context.Model.Check(call.Model);
        int tokens = context.Model.Engine.Encode(call.Request.Prompt).Count;
        return json =>
        {
            json.WriteStartObject();
            json.WriteNumber("input_tokens", tokens);
            json.WriteEndObject();
        };
    }

    public void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context)
    {
        Reply.Choice choice = reply.Choices[0];
        new MessageWriter(call, context).Write(json, choice.Start!, choice.Blocks, choice.End!, reply.Usage);
    }

    public IReplyWriter Stream(EventStream stream, Call call, CallContext context) => new MessageStream(stream, call, new MessageWriter(call, context));

    public void WriteError(Utf8JsonWriter json, WireError error) => MessagesError.Write(json, error);

    private static Call Read(FieldSet<Call> fields, JsonElement body, CallContext context)
    {
        Call call = fields.Read(body, context.NewChat());
        return ChatTurns.Complete(call.With(request => request with { Samples = 1 }), context);
    }
}
