using System.Text.Json;
using SoftThinking.Chat;
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
            (call, field) => WithChat(call, chat => ChatTurns.Add(chat, RequestJson.ReadMessages(field)))) { Required = true },
        CommonFields.Model,
        CommonFields.Stream,
        CommonFields.StreamOptions,
        CommonFields.Samples("n"),
        CommonFields.MaxTokens("max_tokens", "Most generated tokens, thoughts included; by default as many as the context holds."),
        CommonFields.MaxTokens("max_completion_tokens", "The same by its newer name."),
        .. CommonFields.Ends,
        new("chat_template_kwargs", Schemas.Object("Variables of the chat template, such as enable_thinking."),
            (call, field) => WithChat(call, chat => chat with { TemplateVariables = RequestJson.ReadTemplateVariables(field.Value, field.Key, chat.TemplateVariables) })),
        new("add_generation_prompt", Schemas.Flag("Whether the prompt ends with the start of the assistant's turn."),
            (call, field) => WithChat(call, chat => chat with { AddGenerationPrompt = field.Flag() })),
        new("tools", Schemas.Array("Tools that the model may call.", Schemas.Object("{\"type\": \"function\", \"function\": {\"name\", \"description\", \"parameters\"}}")),
            (call, field) => WithChat(call, chat => chat with { Tools = ToolFields.ReadTools(field) })),
        new("tool_choice", Schemas.OneOf("\"auto\" or \"none\".", Schemas.Choice("Whether tools may be called.", ["auto", "none"]), Schemas.Object("Not supported.")),
            (call, field) => ToolFields.ReadChoice(field) ? call : WithChat(call, chat => chat with { Tools = null })),
        new("parallel_tool_calls", Schemas.Flag("Whether the reply may have several tool calls."), (call, field) => call with { SingleToolCall = !field.Flag() }),
        new("logprobs", Schemas.Flag("Whether the reply has the log-probabilities of its tokens."),
            (call, field) => field.Flag() ? (call with { LogProbs = true }).With(request => request with { LogProbs = 0 }) : call),
        new("top_logprobs", Schemas.Integer("How many of the most likely tokens have theirs, too.", 0, 20), ReadTopLogProbs),
        .. CommonFields.Sampling,
        new("thinking", Schemas.Object("{\"type\": \"enabled\" | \"disabled\"}: whether the model thinks."), ReadThinking),
        new("reasoning_effort", Schemas.Choice("How long the model may think; none turns thinking off.", ReasoningEffort.Levels),
            (call, field) => WithEffort(call, field, field.Text())),
        new("thinking_token_budget", Schemas.Integer("Most thoughts; then the end of thinking is forced.", 0),
            (call, field) => call.WithSampling(sampling => sampling with { MaxThinkingTokens = field.Number<int>() })),
        .. CommonFields.Shown,
        CommonFields.Refused("response_format", Schemas.Object("{\"type\": \"text\"}."), IsTextFormat, ": only {\"type\": \"text\"} is, as there are no grammars"),
        CommonFields.Refused("functions", Schemas.Array("Not supported.", Schemas.Object("A function.")), _ => false, "; use tools"),
        CommonFields.Refused("audio", Schemas.Object("Not supported."), _ => false, ""),
    ]);

    public Call Read(JsonElement body, CallContext context)
    {
        Call call = Fields.Read(body, context.NewChat());
        return ToolFields.Complete(call, context.Model.Engine);
    }

    public void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context) => new ChatWriter(call, context).Write(json, reply);

    public IReplyWriter Stream(EventStream stream, Call call, CallContext context) => new ChatStream(stream, call, new ChatWriter(call, context));

    public void WriteError(Utf8JsonWriter json, WireError error) => OpenAiError.Write(json, error);

    private static Call WithChat(Call call, Func<ChatPrompt, ChatPrompt> change) =>
        call.With(request => request with { Prompt = change((ChatPrompt)request.Prompt) });

    private static Call ReadTopLogProbs(Call call, JsonField field) => call.LogProbs
        ? call.With(request => request with { LogProbs = field.Number<int>() })
        : throw new JsonFieldException(field.Key, "top_logprobs needs \"logprobs\": true");

    private static Call ReadThinking(Call call, JsonField field)
    {
        JsonField type = field.Fields("thinking.").FirstOrDefault(inner => inner.Key == "thinking.type", new("thinking.type", default));
        return type.Text() switch
        {
            "enabled" or "adaptive" => call,
            "disabled" => WithEffort(call, type, ReasoningEffort.None),
            _ => throw type.Wrong("\"enabled\" or \"disabled\""),
        };
    }

    private static Call WithEffort(Call call, JsonField field, string level)
    {
        if (!ReasoningEffort.Levels.Contains(level))
            throw field.Wrong(string.Join(" or ", ReasoningEffort.Levels.Select(name => $"\"{name}\"")));
        return call.ModelThinks ? call.With(request => ReasoningEffort.Apply(request, level)) : call;
    }

    private static bool IsTextFormat(JsonElement format) =>
        format.ValueKind == JsonValueKind.Object && format.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text");
}
