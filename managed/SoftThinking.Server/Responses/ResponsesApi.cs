using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Responses;

/// <summary><c>/v1/responses</c> of the OpenAI API, without state: clients send the whole conversation.</summary>
internal sealed class ResponsesApi : IDialect
{
    private const string Stateless = ", as nothing is stored: send the whole conversation as input";

    private static readonly string[] Summaries = ["auto", "concise", "detailed"];

    private static readonly FieldSet<Call> Reasoning = new(
    [
        ThinkingFields.Effort("effort"),
        new("summary", Schemas.Choice("Whether a streamed thought is sent as its own summary.", Summaries), ReadSummary),
    ]);

    private static readonly FieldSet<Call> Text = new(
    [
        CommonFields.Refused("format", Schemas.Object("{\"type\": \"text\"}."), CommonFields.IsTextFormat, ": only {\"type\": \"text\"} is, as there are no grammars"),
        CommonFields.Ignored("verbosity", Schemas.Text("Has no effect.")),
    ]);

    /// <summary>The fields of a request. The later ones override the earlier.</summary>
    public static FieldSet<Call> Fields { get; } = new(
    [
        new("instructions", Schemas.Text("The system message."),
            (call, field) => call.WithChat(chat => chat with { Messages = [new ChatMessage("system", field.Text())] })),
        new("tools", Schemas.Array("Tools that the model may call. Those of other types are left out.", Schemas.Object("{\"type\": \"function\", \"name\", \"description\", \"parameters\"}")),
            (call, field) => ToolFields.With(call, InputItems.ReadTools(field))),
        new("input", Schemas.OneOf("The conversation so far.", Schemas.Text("What the user says."), Schemas.Array("Its items.", Schemas.Object("A message, reasoning, function_call or function_call_output."))),
            InputItems.Read) { Required = true },
        CommonFields.Model,
        CommonFields.Stream,
        CommonFields.MaxTokens("max_output_tokens", "Most generated tokens, thoughts included; by default as many as the context holds."),
        CommonFields.Stops("stop"),
        .. CommonFields.Ends,
        CommonFields.TemplateVariables,
        new("tool_choice", Schemas.Choice("Whether tools may be called.", ["auto", "none"]), ToolFields.WithChoice),
        ToolFields.Parallel,
        .. CommonFields.Sampling,
        new("reasoning", Schemas.Object("{\"effort\", \"summary\"}: how long the model may think, and how its thought is sent."), (call, field) => Reasoning.Read(field.Value, call, $"{field.Key}.")),
        .. CommonFields.Shown,
        new("text", Schemas.Object("{\"format\": {\"type\": \"text\"}}."), (call, field) => Text.Read(field.Value, call, $"{field.Key}.")),
        CommonFields.Refused("previous_response_id", Schemas.Text("Not supported."), _ => false, Stateless),
        CommonFields.Refused("conversation", Schemas.Text("Not supported."), _ => false, Stateless),
        CommonFields.Refused("prompt", Schemas.Object("Not supported."), _ => false, "; use instructions and input"),
        CommonFields.Refused("background", Schemas.Flag("Not supported."), value => value.ValueKind == JsonValueKind.False, Stateless),
        CommonFields.Refused("top_logprobs", Schemas.Integer("Not supported.", 0), value => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int count) && count == 0,
            "; /v1/chat/completions has log-probabilities"),
        CommonFields.Ignored("store", Schemas.Flag("Has no effect: nothing is stored.")),
        CommonFields.Ignored("include", Schemas.Array("Has no effect.", Schemas.Text("A part of the reply."))),
        CommonFields.Ignored("metadata", Schemas.Object("Has no effect.")),
        CommonFields.Ignored("truncation", Schemas.Text("Has no effect: a conversation that is too long is refused.")),
        CommonFields.Ignored("prompt_cache_key", Schemas.Text("Has no effect: equal beginnings of prompts are always found.")),
    ]);

    public Call Read(JsonElement body, CallContext context)
    {
        Call call = Fields.Read(body, context.NewChat());
        return ChatTurns.Complete(call.With(request => request with { Samples = 1 }), context);
    }

    public void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context)
    {
        Reply.Choice choice = reply.Choices[0];
        new ResponseWriter(call, context).Write(json, new ResponseState(choice.Start, choice.Blocks, choice.End, reply.Usage));
    }

    public IReplyWriter Stream(EventStream stream, Call call, CallContext context) => new ResponseStream(stream, call, new ResponseWriter(call, context));

    /// <summary>Writes an error. Limits of the engine concern fields that have another name here.</summary>
    public void WriteError(Utf8JsonWriter json, WireError error) => OpenAiError.Write(json, error with
    {
        Field = error.Field switch { "messages" => "input", "max_tokens" => "max_output_tokens", _ => error.Field },
    });

    private static Call ReadSummary(Call call, JsonField field)
    {
        OneOf.Read(field, Summaries);
        return call with { ReasoningAsSummary = true };
    }
}
