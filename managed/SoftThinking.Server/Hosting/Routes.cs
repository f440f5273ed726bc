using System.Text.Json;
using System.Text.Json.Nodes;
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
/// <param name="stopped">Set when the server stops, and requests in progress have no time left.</param>
internal sealed class Routes(EngineHost host, ServerOptions options, ILogger logger, CancellationToken stopped)
{
    private const string Messages = "/v1/messages";

    private readonly Lazy<string> _document = new(() => ApiDocument.Write(Api, needsKey: options.ApiKeys.Count > 0));
    private readonly ThinkingControls _controls = new();

    /// <summary>The routes of the API.</summary>
    public static IReadOnlyList<ApiRoute> Api { get; } =
    [
        ApiRoute.Generate("/v1/chat/completions", "Answers a conversation.", new ChatCompletions(), ChatCompletions.Fields, ChatSchemas.Reply, ChatSchemas.Examples),
        new(HttpMethod.Post, "/v1/chat/completions/control", "Ends the thinking of a reply in progress that has reasoning_control.", routes => routes._controls.HandleAsync)
        {
            Body = ThinkingControls.Fields.Schema(),
            Examples = [new Example("Answer now", """{"id": "chatcmpl-0123456789abcdef01234567", "action": "reasoning_end"}""")],
            Reply = Schemas.Object("{\"id\", \"success\": true}"),
            Errors = [400, 404, 413, 415],
        },
        ApiRoute.Generate("/v1/completions", "Continues a text.", new Completions(), Completions.Fields, Schemas.Object("A text completion."),
            new Example("A text", """{"prompt": "7 + 5 =", "max_tokens": 8}"""),
            new Example("Several prompts", """{"prompt": ["7 + 5 =", "1 + 1 ="], "max_tokens": 4, "logprobs": 1, "stream": true}""")),
        ApiRoute.Generate("/v1/responses", "Answers a conversation, in the form of the Responses API, without state.", new ResponsesApi(), ResponsesApi.Fields,
            Schemas.Object("A response."),
            new Example("A question", """{"input": "What is 47 + 85 - 19?", "max_output_tokens": 200}"""),
            new Example("A conversation", """{"instructions": "Be brief.", "input": [{"type": "message", "role": "user", "content": "Compute 40 + 7."}], "stream": true}""")),
        ApiRoute.Generate(Messages, "Answers a conversation, in the form of the Messages API.", new MessagesApi(), MessagesApi.Fields, Schemas.Object("A message."),
            new Example("A question", """{"max_tokens": 200, "messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}"""),
            new Example("A thinking budget", """{"max_tokens": 200, "thinking": {"type": "enabled", "budget_tokens": 50}, "messages": [{"role": "user", "content": "Compute 40 + 7."}], "stream": true}"""))
            with { Error = MessagesError.Schema },
        ApiRoute.Text($"{Messages}/count_tokens", "Counts the tokens of a conversation.", MessagesApi.CountFields, MessagesApi.CountTokens, Schemas.Object("{\"input_tokens\"}"),
            new Example("A question", """{"messages": [{"role": "user", "content": "What is 47 + 85 - 19?"}]}"""))
            with { Error = MessagesError.Schema, WriteError = MessagesError.Write, Errors = [400, 404, 413, 415, 503] },
        ApiRoute.Generate("/generate", "Generates in the form of SGLang, with the entries of concept tokens.", new Generate(), Native.Generate.Fields, Schemas.Object("A result."),
            new Example("A text", """{"text": "7 + 5 =", "sampling_params": {"max_new_tokens": 8, "temperature": 0}}""")),
        ApiRoute.Text("/tokenize", "Encodes a text, or a conversation.", Tokenize.Fields, Tokenize.Answer, Schemas.Object("{\"tokens\", \"count\", \"max_model_len\"}"),
            new Example("A text", """{"prompt": "7 + 5 ="}"""), new Example("A conversation", """{"messages": [{"role": "user", "content": "Compute 40 + 7."}]}""")),
        ApiRoute.Text("/detokenize", "Decodes token ids.", Detokenize.Fields, Detokenize.Answer, Schemas.Object("{\"prompt\", \"content\"}"),
            new Example("Ids", """{"tokens": [22, 256, 20]}""")),
        ApiRoute.Text("/apply-template", "Renders a conversation with the chat template.", ChatCompletions.Fields, ApplyTemplate.Answer, Schemas.Object("{\"prompt\"}"),
            new Example("A conversation", """{"messages": [{"role": "user", "content": "Compute 40 + 7."}]}""")),
        new(HttpMethod.Get, "/v1/models", "Lists the model of the server.", routes => routes.ModelsAsync) { Reply = ModelList.Schema, Errors = [503] },
        new(HttpMethod.Get, "/v1/models/{**name}", "Describes the model.", routes => routes.ModelAsync) { Reply = ModelList.ModelSchema, Errors = [404, 503] },
        new(HttpMethod.Get, "/health", "Says whether the model is loaded; if not, with the status 503.", routes => routes.HealthAsync) { Reply = HealthSchema },
        new(HttpMethod.Get, "/metrics", "Metrics in the text format of Prometheus.", routes => http => routes.Host.Metrics.HandleAsync(http)) { Errors = [503] },
        new(HttpMethod.Get, "/openapi/v1.json", "This document.", routes => routes.DocumentAsync) { Reply = Schemas.Object("An OpenAPI document.") },
    ];

    public EngineHost Host => host;

    public ServerOptions Options => options;

    public ILogger Logger => logger;

    public CancellationToken Stopped => stopped;

    public ThinkingControls Controls => _controls;

    private static JsonObject HealthSchema => Schemas.Titled("Health", Schemas.Object("The state of the server.", new JsonObject
    {
        ["status"] = Schemas.Choice("The state.", ["ok", "loading", "failed"]),
        ["progress"] = Schemas.Number("Fraction of the model that is loaded, 0 to 1."),
    }));

    /// <summary>Whether a route needs no key.</summary>
    public static bool IsPublic(PathString path) => path == "/" || path == "/health" || path.StartsWithSegments("/page");

    /// <summary>How a route writes errors.</summary>
    public static Action<Utf8JsonWriter, WireError> ErrorWriter(PathString path) => path.StartsWithSegments(Messages) ? MessagesError.Write : OpenAiError.Write;

    public void Map(IEndpointRouteBuilder app)
    {
        // Not the overloads that inspect a method's parameters: those need reflection.
        foreach (ApiRoute route in Api)
        {
            RequestDelegate handle = route.Handler(this);
            app.MapMethods(route.Path, [route.Method.Method], handle);
            if (route.Method == HttpMethod.Get) // the server leaves out the body of the reply
                app.MapMethods(route.Path, [HttpMethods.Head], handle).ExcludeFromDescription();
        }
        PageFiles.Map(app.MapGroup("").ExcludeFromDescription());
    }

    /// <summary>Handles a request that is answered from the tokenizer and the chat template.</summary>
    public async Task AnswerAsync(HttpContext http, Func<JsonElement, CallContext, Action<Utf8JsonWriter>> answer)
    {
        CallContext context = new(host.Model, options);
        JsonElement body = await RequestBody.ReadAsync(http.Request, http.RequestAborted).ConfigureAwait(false);
        await HttpReply.WriteJsonAsync(http, 200, answer(body, context), http.RequestAborted).ConfigureAwait(false);
    }

    private Task ModelsAsync(HttpContext http) => HttpReply.WriteJsonAsync(http, 200, json => ModelList.Write(json, host.Model));

    private Task ModelAsync(HttpContext http)
    {
        host.Model.Check(http.GetRouteValue("name") as string);
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
