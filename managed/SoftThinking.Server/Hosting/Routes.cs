using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>The routes of a server.</summary>
internal sealed class Routes(EngineHost host, ServerOptions options, ILogger logger)
{
    private readonly Lazy<string> _document = new(() => ApiDocument.Write(Api, needsKey: options.ApiKeys.Count > 0));

    /// <summary>The routes of the API.</summary>
    public static IReadOnlyList<ApiRoute> Api { get; } =
    [
        ApiRoute.Generate(
            "/v1/chat/completions", "Answers a conversation.", new ChatCompletions(), ChatCompletions.Fields, ChatSchemas.Reply, ChatSchemas.Examples),
        new(HttpMethod.Get, "/v1/models", "Lists the model of the server.", routes => routes.ModelsAsync) { Reply = ModelList.Schema, Errors = [503] },
        new(HttpMethod.Get, "/v1/models/{**name}", "Describes the model.", routes => routes.ModelAsync) { Reply = ModelList.ModelSchema, Errors = [404, 503] },
        new(HttpMethod.Get, "/health", "Says whether the model is loaded; if not, with status 503.", routes => routes.HealthAsync) { Reply = HealthSchema },
        new(HttpMethod.Get, "/metrics", "Metrics in the text format of Prometheus.", routes => http => routes.Host.Metrics.HandleAsync(http)) { Errors = [503] },
        new(HttpMethod.Get, "/openapi/v1.json", "This document.", routes => routes.DocumentAsync) { Reply = Schemas.Object("An OpenAPI document.") },
    ];

    public EngineHost Host => host;

    public ServerOptions Options => options;

    public ILogger Logger => logger;

    private static JsonObject HealthSchema => Schemas.Titled("Health", Schemas.Object("The state of the server.", new JsonObject
    {
        ["status"] = Schemas.Choice("The state.", ["ok", "loading", "failed"]),
        ["progress"] = Schemas.Number("Fraction of the model that is loaded, 0 to 1."),
    }));

    /// <summary>Whether a route needs no key.</summary>
    public static bool IsPublic(PathString path) => path == "/" || path == "/health" || path.StartsWithSegments("/page");

    /// <summary>How a route writes errors.</summary>
    public static Action<Utf8JsonWriter, WireError> ErrorWriter(PathString path) =>
        Api.FirstOrDefault(route => path == route.Path)?.WriteError ?? OpenAiError.Write;

    public void Map(IEndpointRouteBuilder app)
    {
        // Not the overloads that inspect a method's parameters: those need reflection.
        foreach (ApiRoute route in Api)
            app.MapMethods(route.Path, [route.Method.Method], route.Handler(this));
        PageFiles.Map(app.MapGroup("").ExcludeFromDescription());
    }

    private Task ModelsAsync(HttpContext http) => HttpReply.WriteJsonAsync(http, 200, json => ModelList.Write(json, host.Model));

    private Task ModelAsync(HttpContext http)
    {
        string? name = http.GetRouteValue("name") as string;
        if (name != options.ModelName)
            throw new WireException(new WireError(404, "invalid_request_error", $"the model \"{name}\" is not here; this server has \"{options.ModelName}\"", "model", "model_not_found"));
        return HttpReply.WriteJsonAsync(http, 200, json => ModelList.WriteModel(json, host.Model));
    }

    private Task HealthAsync(HttpContext http) => HttpReply.WriteJsonAsync(http, host.Loading.IsCompletedSuccessfully ? 200 : 503, json =>
    {
        json.WriteStartObject();
        json.WriteString("status", host.Loading.IsCompletedSuccessfully ? "ok" : host.Loading.IsFaulted ? "failed" : "loading");
        json.WriteNumber("progress", Math.Round(host.Progress, 3));
        json.WriteEndObject();
    });

    private Task DocumentAsync(HttpContext http) => HttpReply.WriteJsonAsync(http, 200, json => json.WriteRawValue(_document.Value));
}
