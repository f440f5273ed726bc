using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Messages;
using SoftThinking.Server.Native;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Responses;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>The routes of a server.</summary>
internal sealed class Routes(EngineHost host, ServerOptions options, ILogger logger)
{
    private const string Messages = "/v1/messages";

    /// <summary>The routes that generate, each with its dialect.</summary>
    public static IReadOnlyDictionary<string, IDialect> Dialects { get; } = new Dictionary<string, IDialect>
    {
        ["/v1/chat/completions"] = new ChatCompletions(),
        ["/v1/completions"] = new Completions(),
        ["/v1/responses"] = new ResponsesApi(),
        [Messages] = new MessagesApi(),
        ["/generate"] = new Generate(),
    };

    /// <summary>The routes that answer from the model's tokenizer and chat template.</summary>
    private static readonly Dictionary<string, Func<JsonElement, CallContext, Action<Utf8JsonWriter>>> Texts = new()
    {
        ["/tokenize"] = Tokenize.Answer,
        ["/detokenize"] = Detokenize.Answer,
        ["/apply-template"] = ApplyTemplate.Answer,
    };

    private readonly ThinkingControls _controls = new();

    /// <summary>Whether a route needs no key.</summary>
    public static bool IsPublic(PathString path) => path == "/" || path == "/health" || path.StartsWithSegments("/page");

    /// <summary>How a route writes errors.</summary>
    public static Action<Utf8JsonWriter, WireError> ErrorWriter(PathString path) => path.StartsWithSegments(Messages) ? MessagesError.Write : OpenAiError.Write;

    public void Map(IEndpointRouteBuilder app)
    {
        foreach ((string route, IDialect dialect) in Dialects)
            Post(route, new GenerationEndpoint(dialect, host, _controls, options, logger).HandleAsync);
        Post("/v1/chat/completions/control", _controls.HandleAsync);
        Post($"{Messages}/count_tokens", CountTokensAsync);
        foreach ((string route, Func<JsonElement, CallContext, Action<Utf8JsonWriter>> answer) in Texts)
            Post(route, http => AnswerAsync(http, answer));
        Get("/health", HealthAsync);
        Get("/v1/models", http => HttpReply.WriteJsonAsync(http, 200, json => ModelList.Write(json, host.Model)));
        Get("/v1/models/{**name}", ModelAsync);
        PageFiles.Map(app);

        // Not the overloads that inspect a method's parameters: those need reflection.
        void Get(string route, RequestDelegate handle) => app.MapGet(route, handle);
        void Post(string route, RequestDelegate handle) => app.MapPost(route, handle);
    }

    private Task HealthAsync(HttpContext http) => HttpReply.WriteJsonAsync(http, host.Loading.IsCompletedSuccessfully ? 200 : 503, json =>
    {
        json.WriteStartObject();
        json.WriteString("status", host.Loading.IsCompletedSuccessfully ? "ok" : host.Loading.IsFaulted ? "failed" : "loading");
        json.WriteNumber("progress", Math.Round(host.Progress, 3));
        json.WriteEndObject();
    });

    private async Task AnswerAsync(HttpContext http, Func<JsonElement, CallContext, Action<Utf8JsonWriter>> answer)
    {
        CallContext context = new(host.Model, options);
        JsonElement body = await RequestBody.ReadAsync(http.Request, http.RequestAborted).ConfigureAwait(false);
        await HttpReply.WriteJsonAsync(http, 200, answer(body, context), http.RequestAborted).ConfigureAwait(false);
    }

    private async Task CountTokensAsync(HttpContext http)
    {
        CallContext context = new(host.Model, options);
        JsonElement body = await RequestBody.ReadAsync(http.Request, http.RequestAborted).ConfigureAwait(false);
        int tokens = MessagesApi.Count(body, context);
        await HttpReply.WriteJsonAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteNumber("input_tokens", tokens);
            json.WriteEndObject();
        }, http.RequestAborted).ConfigureAwait(false);
    }

    private Task ModelAsync(HttpContext http)
    {
        host.Model.Check(http.GetRouteValue("name") as string);
        return HttpReply.WriteJsonAsync(http, 200, json => ModelList.WriteModel(json, host.Model));
    }
}
