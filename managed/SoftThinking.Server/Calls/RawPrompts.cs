using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>Prompts that go to the model without a chat template: texts or token ids, one or a list.</summary>
internal static class RawPrompts
{
    /// <summary>Most samples of all prompts of a request.</summary>
    private const int MaxChoices = 1024;

    public static JsonObject Texts(string description) =>
        Schemas.OneOf(description, Schemas.Text("A text."), Schemas.Array("Several texts.", Schemas.Text("A text.")));

    public static JsonObject Ids(string description) =>
        Schemas.OneOf(description, OneOfIds(), Schemas.Array("Several prompts.", OneOfIds()));

    public static JsonObject TextsOrIds(string description) =>
        Schemas.OneOf(description, Texts("A text, or several."), Ids("Token ids, or several arrays of them."));

    public static Field<Call> AddSpecialTokens { get; } = new("add_special_tokens",
        Schemas.Flag("Whether texts get what the tokenizer adds around them, such as a token that starts them; by default they do."),
        (call, field) => call.With(request => request with
        {
            Prompt = request.Prompt is TextPrompt text ? text with { AddSpecialTokens = field.Flag() } : request.Prompt,
        }));

    /// <summary>Reads a text, or an array of texts.</summary>
    public static Call ReadTexts(Call call, JsonField field) => field.Value.ValueKind == JsonValueKind.Array
        ? WithList(call, field, text => new TextPrompt(text.Text()))
        : With(call, new TextPrompt(field.Text()));

    /// <summary>Reads an array of token ids, or an array of such arrays.</summary>
    public static Call ReadIds(Call call, JsonField field) => FirstIs(field, JsonValueKind.Array)
        ? WithList(call, field, PromptOfIds)
        : With(call, PromptOfIds(field));

    /// <summary>Reads a token id. Whether it is in the vocabulary, the caller checks.</summary>
    public static int ReadId(JsonField field) => field.Number<int>() is >= 0 and int id ? id : throw field.Wrong("a token id, 0 or more");

    /// <summary>Reads any of them.</summary>
    public static Call ReadTextsOrIds(Call call, JsonField field) =>
        field.Value.ValueKind == JsonValueKind.String || FirstIs(field, JsonValueKind.String) ? ReadTexts(call, field) : ReadIds(call, field);

    /// <summary>The call with its prompts as tokens, checked.</summary>
    /// <param name="field">The field that they come from, for messages.</param>
    /// <exception cref="JsonFieldException">A prompt is empty, or has an id outside the vocabulary; or there are too many.</exception>
    /// <exception cref="WireException">A prompt fills the context.</exception>
    public static Call Encode(Call call, CallContext context, string field)
    {
        if (call.Choices > MaxChoices)
            throw new JsonFieldException(field, $"{field} asks for {call.Choices} answers; one request may ask for {MaxChoices}");
        Engine engine = context.Model.Engine;
        return call with { Requests = [.. call.Requests.Select((request, i) => request with { Prompt = Encode(engine, request.Prompt, NameOf(i)) })] };

        string NameOf(int request) => call.IsBatch ? $"{field}[{request}]" : field;
    }

    private static TokenPrompt Encode(Engine engine, Prompt prompt, string field)
    {
        IReadOnlyList<ConceptToken> tokens = engine.Encode(prompt);
        if (tokens.Count == 0)
            throw new JsonFieldException(field, $"{field} is empty");
        if (tokens.Count >= engine.ContextLength)
        {
            throw new WireException(WireError.ContextExceeded(
                $"{field} has {tokens.Count} tokens; the context of {engine.ContextLength} must hold it and an answer", field));
        }
        int vocabulary = engine.Config.VocabularySize;
        for (int i = 0; i < tokens.Count; i++)
        {
            if (tokens[i].Token >= vocabulary)
                throw new JsonFieldException($"{field}[{i}]", $"{field}[{i}] is {tokens[i].Token}, which is outside the vocabulary of {vocabulary}");
        }
        return new TokenPrompt(tokens);
    }

    private static Call With(Call call, Prompt prompt) => call.With(request => request with { Prompt = prompt });

    private static Call WithList(Call call, JsonField field, Func<JsonField, Prompt> read)
    {
        int count = field.Value.GetArrayLength();
        if (count is 0 or > MaxChoices)
            throw new JsonFieldException(field.Key, $"{field.Key} must have 1 to {MaxChoices} prompts, not {count}");
        return call with { IsBatch = true, Requests = [.. field.Elements().Select(element => call.Request with { Prompt = read(element) })] };
    }

    private static TokenPrompt PromptOfIds(JsonField field) => new([.. field.Elements().Select(id => new ConceptToken(ReadId(id)))]);

    private static bool FirstIs(JsonField field, JsonValueKind kind) =>
        field.Value.ValueKind == JsonValueKind.Array && field.Value.GetArrayLength() > 0 && field.Value[0].ValueKind == kind;

    private static JsonObject OneOfIds() => Schemas.Array("Token ids.", Schemas.Integer("An id.", 0));
}
