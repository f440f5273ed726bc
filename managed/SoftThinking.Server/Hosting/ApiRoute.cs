using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>A route of the API: how its requests are handled, and what its documentation says.</summary>
/// <param name="Method">Method of HTTP.</param>
/// <param name="Path">Template of its path.</param>
/// <param name="Summary">What it does.</param>
/// <param name="Handler">Returns what handles its requests to a server.</param>
internal sealed record ApiRoute(HttpMethod Method, string Path, string Summary, Func<Routes, RequestDelegate> Handler)
{
    /// <summary>Schema of the body that a request has; null for none.</summary>
    public JsonObject? Body { get; init; }

    /// <summary>Bodies that are accepted.</summary>
    public IReadOnlyList<Example> Examples { get; init; } = [];

    /// <summary>Schema of the reply; null where it is text.</summary>
    public JsonObject? Reply { get; init; }

    /// <summary>Whether the reply can come as server-sent events.</summary>
    public bool Streams { get; init; }

    /// <summary>Statuses of what can go wrong, besides a missing key.</summary>
    public IReadOnlyList<int> Errors { get; init; } = [];

    /// <summary>Schema of an error.</summary>
    public JsonObject Error { get; init; } = OpenAiError.Schema;

    public Action<Utf8JsonWriter, WireError> WriteError { get; init; } = OpenAiError.Write;

    /// <summary>A route that generates.</summary>
    /// <param name="fields">The fields that the dialect reads.</param>
    /// <param name="reply">Schema of a reply.</param>
    public static ApiRoute Generate<T>(string path, string summary, IDialect dialect, FieldSet<T> fields, JsonObject reply, params IReadOnlyList<Example> examples) => new(
        HttpMethod.Post, path, summary, routes => new GenerationEndpoint(dialect, routes.Host, routes.Controls, routes.Options, routes.Logger, routes.Stopped).HandleAsync)
    {
        Body = fields.Schema(),
        Examples = examples,
        Reply = reply,
        Streams = fields.Fields.Any(field => field.Name == CommonFields.Stream.Name),
        Errors = [400, 404, 413, 415, 429, 500, 503, 504],
        WriteError = dialect.WriteError,
    };

    /// <summary>A route that answers from the model's tokenizer and chat template.</summary>
    /// <param name="answer">Reads a body, and returns what writes the reply.</param>
    public static ApiRoute Text<T>(string path, string summary, FieldSet<T> fields, Func<JsonElement, CallContext, Action<Utf8JsonWriter>> answer, JsonObject reply,
        params IReadOnlyList<Example> examples) => new(HttpMethod.Post, path, summary, routes => http => routes.AnswerAsync(http, answer))
        {
            Body = fields.Schema(),
            Examples = examples,
            Reply = reply,
            Errors = [400, 413, 415, 503],
        };
}
