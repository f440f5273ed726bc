using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>Fields that several dialects have.</summary>
internal static class CommonFields
{
    /// <summary>Filters that clients without soft thinking set for everything.</summary>
    private static readonly string[] Shared = ["temperature", "top_p", "top_k", "min_p"];

    /// <summary>The sampling options under their published names. "temperature", "top_p", "top_k" and "min_p" hold for the answer, too,
    /// unless "after_thinking_…" says otherwise.</summary>
    public static IEnumerable<Field<Call>> Sampling { get; } =
    [
        .. SamplingJson.Keys.Select(FieldOf),
        new("enable_soft_thinking", Schemas.Flag("The opposite of no_soft_thinking."),
            (call, field) => call.WithSampling(sampling => sampling with { SoftThinking = field.Flag() })),
    ];

    /// <summary>What a reply shows of its tokens besides their text.</summary>
    public static IEnumerable<Field<Call>> Tokens { get; } =
    [
        new("return_concept_tokens", Schemas.Flag("Whether the reply has every token with its entropy and, for a mixture, its ids, texts and weights."),
            (call, field) => call with { ConceptTokens = field.Flag() }),
        new("record",
            Schemas.Flag("Whether the reply has every token, as with return_concept_tokens, with how it was sampled: log-probabilities, scores and statistics."),
            (call, field) => (call with { ConceptTokens = call.ConceptTokens || field.Flag() }).With(request => request with { Record = field.Flag() })),
        new("return_token_ids", Schemas.Flag("Whether the reply has the ids of its tokens."), (call, field) => call with { TokenIds = field.Flag() }),
    ];

    /// <summary>What the reply of a conversation shows besides the answer.</summary>
    public static IEnumerable<Field<Call>> Shown { get; } =
    [
        .. Tokens,
        new("include_reasoning", Schemas.Flag("Whether the reply has the thought."), (call, field) => call with { IncludeReasoning = field.Flag() }),
    ];

    /// <summary>Ends of a text, besides <see cref="Stops"/>.</summary>
    public static IEnumerable<Field<Call>> Ends { get; } = EndsWithLeast("min_tokens");

    public static Field<Call> Model { get; } = new("model", Schemas.Text("Name of the model, as /v1/models lists it; may be left out."),
        (call, field) => call with { Model = field.Text() });

    public static Field<Call> Stream { get; } = new("stream", Schemas.Flag("Whether the reply is sent as server-sent events while it is generated."),
        (call, field) => call with { Stream = field.Flag() });

    public static Field<Call> TemplateVariables { get; } = new("chat_template_kwargs", Schemas.Object("Variables of the chat template, such as enable_thinking."),
        (call, field) => call.WithChat(chat => chat with { TemplateVariables = RequestJson.ReadTemplateVariables(field.Value, field.Key, chat.TemplateVariables) }));

    public static Field<Call> Stops(string name) => new(name,
        Schemas.OneOf("Texts that end the answer and are not part of it: at most 16.", Schemas.Text("One text."), Schemas.Array("Several.", Schemas.Text("A text."))),
        (call, field) => call.With(request => request with { StopStrings = RequestJson.ReadStops(field) }));

    public static Field<Call> Samples(string name) => new(name, Schemas.Integer("Number of answers; answer i has the seed + i.", 1, 256),
        (call, field) => call.With(request => request with { Samples = field.Number<int>() }));

    public static Field<Call> MaxTokens(string name, string description) => new(name, Schemas.Integer(description, 1),
        (call, field) => call.With(request => request with { MaxNewTokens = field.Number<int>() }));

    /// <summary>The same, with this name of the fewest tokens.</summary>
    public static IEnumerable<Field<Call>> EndsWithLeast(string name) =>
    [
        new("stop_token_ids", Schemas.Array("Token ids that end the text: at most 64.", Schemas.Integer("An id.", 0)),
            (call, field) => call.With(request => request with { StopIds = [.. field.Elements().Select(id => id.Number<int>())] })),
        new("ignore_eos", Schemas.Flag("Whether to continue where the model ends its text; for benchmarks."),
            (call, field) => call.With(request => request with { IgnoreEndOfText = field.Flag() })),
        new(name, Schemas.Integer("Fewest tokens before the text may end.", 0),
            (call, field) => call.With(request => request with { MinNewTokens = field.Number<int>() })),
    ];

    public static Field<Call> StreamOptions { get; } = new("stream_options", Schemas.Object("{\"include_usage\": true}: the stream ends with the token counts."),
        (call, field) => call with { IncludeUsage = field.Fields("stream_options.").Where(option => option.Key == "stream_options.include_usage").Any(option => option.Flag()) });

    /// <summary>A field that would change the answer in a way that is not supported.</summary>
    /// <param name="isHarmless">Whether a value asks for nothing.</param>
    public static Field<Call> Refused(string name, JsonObject schema, Func<JsonElement, bool> isHarmless, string instead) => new(name, schema,
        (call, field) => isHarmless(field.Value) ? call : throw new JsonFieldException(field.Key, $"{field.Key} is not supported{instead}"));

    /// <summary>A field that has no effect here.</summary>
    public static Field<Call> Ignored(string name, JsonObject schema) => new(name, schema, (call, _) => call);

    private static Field<Call> FieldOf(SamplingKey key) => new(key.Name, SchemaOf(key), (call, field) => call.WithSampling(sampling =>
    {
        SamplingOptions read = key.Read(field, sampling);
        return Shared.Contains(key.Name) ? SamplingJson.Keys.Single(other => other.Name == "after_thinking_" + key.Name).Read(field, read) : read;
    }));

    /// <summary>Whether a format of replies asks for nothing but text.</summary>
    public static bool IsTextFormat(JsonElement format) =>
        format.ValueKind == JsonValueKind.Object && format.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("text");

    private static JsonObject SchemaOf(SamplingKey key) => key switch
    {
        SamplingKey<bool> => Schemas.Flag(key.Description),
        SamplingKey<int> or SamplingKey<ulong> => Schemas.Integer(key.Description),
        SamplingKey<float> => Schemas.Number(key.Description),
        SamplingKey<string> { Name: "strategy" } => Schemas.Choice(key.Description, ThinkingStrategy.Published.Select(strategy => strategy.Name)),
        SamplingKey<string> => Schemas.Text(key.Description),
        SamplingKey<IReadOnlyList<int>> => Schemas.Array(key.Description, Schemas.Integer("An id.", 0)),
        SamplingKey<(float, float)> => Schemas.Array(key.Description, Schemas.Number("A bound.")),
        _ => Schemas.Object(key.Description),
    };
}
