using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;
using SoftThinking.Tokenization;

namespace SoftThinking.Server.Native;

/// <summary><c>/tokenize</c>: the token ids of a text, or of the prompt that <c>/v1/chat/completions</c> makes of the same
/// conversation.</summary>
internal static class Tokenize
{
    /// <summary>The fields of a request; with "messages" also those of a chat completion that change its prompt.</summary>
    public static FieldSet<TokenizeRequest> Fields { get; } = new(
    [
        new("prompt", Schemas.Text("The text."), (request, field) => request with { Text = field.Text() }),
        new("content", Schemas.Text("The text by its other name."), (request, field) => request with { Text = field.Text() }),
        new("messages", Schemas.Array("A conversation.", Schemas.Object("A message.")), (request, _) => request),
        new("add_special_tokens",
            Schemas.Flag("Whether a text gets what the tokenizer adds around it, such as a token that starts it; by default it does."),
            (request, field) => request with { AddSpecialTokens = field.Flag() }),
        new("return_token_strs", Schemas.Flag("Whether the reply has the text of each token."),
            (request, field) => request with { Texts = field.Flag() }),
    ]);

    public static Action<Utf8JsonWriter> Answer(JsonElement body, CallContext context)
    {
        TokenizeRequest request = Fields.Read(body, new TokenizeRequest());
        RequestBody.OnlyOneOf(body, "prompt", "content", "messages");
        Engine engine = context.Model.Engine;
        Prompt prompt = request.Text is string text
            ? new TextPrompt(text) { AddSpecialTokens = request.AddSpecialTokens ?? true }
            : PromptOfMessages(body, request, context);
        int[] ids = [.. engine.Encode(prompt).Select(token => token.Token)];
        return json => Write(json, ids, engine, request.Texts);
    }

    private static Prompt PromptOfMessages(JsonElement body, TokenizeRequest request, CallContext context)
    {
        if (request.AddSpecialTokens == true)
            throw new JsonFieldException("add_special_tokens", "add_special_tokens needs a text: what messages start with is in the chat template");
        return new ChatCompletions().Read(body, context).Request.Prompt;
    }

    private static void Write(Utf8JsonWriter json, int[] ids, Engine engine, bool texts)
    {
        json.WriteStartObject();
        json.WriteNumber("count", ids.Length);
        json.WriteNumber("max_model_len", engine.ContextLength);
        json.WriteStartArray("tokens");
        foreach (int id in ids)
            json.WriteNumberValue(id);
        json.WriteEndArray();
        if (texts)
            WriteTexts(json, ids, engine.Tokenizer);
        json.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter json, int[] ids, Tokenizer tokenizer)
    {
        json.WriteStartArray("token_strs");
        foreach (int id in ids)
            json.WriteStringValue(tokenizer.TokenText(id));
        json.WriteEndArray();
    }
}
