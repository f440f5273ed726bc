using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Logging;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>The routes of a server.</summary>
internal sealed class Routes(EngineHost host, ServerOptions options, ILogger logger)
{
    /// <summary>The routes that generate, each with its dialect.</summary>
    public static IReadOnlyDictionary<string, IDialect> Dialects { get; } = new Dictionary<string, IDialect>
    {
        ["/v1/chat/completions"] = new ChatCompletions(),
    };

    private readonly ThinkingControls _controls = new();

    /// <summary>Whether a route needs no key.</summary>
    public static bool IsPublic(PathString path) => path == "/" || path == "/health" || path.StartsWithSegments("/page");

    /// <summary>How a route writes errors.</summary>
    public static Action<Utf8JsonWriter, WireError> ErrorWriter(PathString path) =>
        Dialects.TryGetValue(path.Value ?? "", out IDialect? dialect) ? dialect.WriteError : OpenAiError.Write;

    public void Map(IEndpointRouteBuilder app)
    {
        foreach ((string route, IDialect dialect) in Dialects)
            Post(route, new GenerationEndpoint(dialect, host, _controls, options, logger).HandleAsync);
        Post("/v1/chat/completions/control", _controls.HandleAsync);
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

    private Task ModelAsync(HttpContext http)
    {
        string? name = http.GetRouteValue("name") as string;
        if (name != options.ModelName)
            throw new WireException(new WireError(404, "invalid_request_error", $"the model \"{name}\" is not here; this server has \"{options.ModelName}\"", "model", "model_not_found"));
        return HttpReply.WriteJsonAsync(http, 200, json => ModelList.WriteModel(json, host.Model));
    }
}
