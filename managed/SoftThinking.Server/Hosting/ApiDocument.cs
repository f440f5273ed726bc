using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.OpenApi;
using Microsoft.OpenApi.Reader;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>Writes the OpenAPI document of a server.</summary>
internal static partial class ApiDocument
{
    private const string Bearer = "bearer", KeyHeader = "apiKey", Json = "application/json";

    private static readonly Dictionary<int, string> Problems = new()
    {
        [400] = "The request is wrong. The error names the field.",
        [401] = "The API key is missing or wrong.",
        [404] = "The server does not have this model.",
        [413] = "The body is too large.",
        [415] = "The body is not declared as application/json.",
        [429] = "Too many requests wait. Try again after the seconds of Retry-After.",
        [500] = "The server failed.",
        [503] = "The model is being loaded, or the server is about to end.",
        [504] = "The request took too long.",
    };

    /// <summary>The document as JSON; it is the same for the same routes.</summary>
    /// <param name="needsKey">Whether the server has API keys.</param>
    public static string Write(IEnumerable<ApiRoute> routes, bool needsKey)
    {
        OpenApiDocument document = new()
        {
            Info = new OpenApiInfo
            {
                Title = "SoftThinking",
                Version = typeof(ApiDocument).Assembly.GetName().Version!.ToString(3),
                Description = "A server for reasoning models that think in mixtures of tokens. Of a request's fields those that are null count as absent; "
                    + "unknown ones are ignored, unless their name looks like a known one misspelled.",
            },
            Servers = [new OpenApiServer { Url = "/" }],
            Components = new OpenApiComponents { SecuritySchemes = Schemes(), Schemas = new Dictionary<string, IOpenApiSchema>() },
        };
        document.Security = needsKey ? [Requirement(Bearer, document), Requirement(KeyHeader, document)] : null;
        foreach (IGrouping<string, ApiRoute> path in routes.GroupBy(route => PathOf(route.Path)))
        {
            OpenApiPathItem item = new();
            foreach (ApiRoute route in path)
                item.AddOperation(route.Method, Operation(route, needsKey && !Routes.IsPublic(route.Path), document));
            document.Paths.Add(path.Key, item);
        }
        using StringWriter text = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        document.SerializeAsV31(new OpenApiJsonWriter(text));
        return text.ToString();
    }

    /// <summary>The path as OpenAPI writes it: {name} also where it may have slashes.</summary>
    private static string PathOf(string template) => template.Replace("{**", "{", StringComparison.Ordinal);

    private static Dictionary<string, IOpenApiSecurityScheme> Schemes() => new()
    {
        [Bearer] = new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "The API key, if the server has keys." },
        [KeyHeader] = new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Header,
            Name = "x-api-key",
            Description = "The same in another header.",
        },
    };

    private static OpenApiSecurityRequirement Requirement(string scheme, OpenApiDocument document) =>
        new() { [new OpenApiSecuritySchemeReference(scheme, document)] = [] };

    private static OpenApiOperation Operation(ApiRoute route, bool needsKey, OpenApiDocument document)
    {
        OpenApiOperation operation = new()
        {
            OperationId = string.Join('_', [route.Method.Method.ToLowerInvariant(), .. Words().Matches(route.Path).Select(word => word.Value)]),
            Summary = route.Summary,
            Responses = new OpenApiResponses { ["200"] = Reply(route, document) },
            Security = Routes.IsPublic(route.Path) ? [] : null,
        };
        foreach (Match parameter in Parameters().Matches(PathOf(route.Path)))
            operation.Parameters = [.. operation.Parameters ?? [], Parameter(parameter.Groups[1].Value)];
        if (route.Body != null)
            operation.RequestBody = Body(route, document);
        foreach (int status in needsKey ? [.. route.Errors, 401] : route.Errors)
            operation.Responses[status.ToString(CultureInfo.InvariantCulture)] = Response(Problems[status], (Json, route.Error), document);
        return operation;
    }

    private static OpenApiParameter Parameter(string name) =>
        new() { Name = name, In = ParameterLocation.Path, Required = true, Schema = new OpenApiSchema { Type = JsonSchemaType.String } };

    private static OpenApiRequestBody Body(ApiRoute route, OpenApiDocument document)
    {
        OpenApiMediaType body = new() { Schema = Schema(route.Body!, document), Examples = new Dictionary<string, IOpenApiExample>() };
        foreach (Example example in route.Examples)
            body.Examples.Add(example.Name, new OpenApiExample { Value = JsonNode.Parse(example.Json) });
        return new OpenApiRequestBody { Required = true, Content = new Dictionary<string, IOpenApiMediaType> { [Json] = body } };
    }

    private static OpenApiResponse Reply(ApiRoute route, OpenApiDocument document)
    {
        OpenApiResponse reply = route.Reply is JsonObject schema
            ? Response("The reply.", (Json, schema), document)
            : Response("The reply.", ("text/plain", Schemas.Text("The text.")), document);
        JsonObject events = Schemas.Text("Server-sent events, where the request has \"stream\": true.");
        if (route.Streams)
            reply.Content!["text/event-stream"] = new OpenApiMediaType { Schema = Schema(events, document) };
        return reply;
    }

    private static OpenApiResponse Response(string description, (string Type, JsonObject Schema) content, OpenApiDocument document) => new()
    {
        Description = description,
        Content = new Dictionary<string, IOpenApiMediaType> { [content.Type] = new OpenApiMediaType { Schema = Schema(content.Schema, document) } },
    };

    /// <summary>A schema; one with a title has its place among the components.</summary>
    private static IOpenApiSchema Schema(JsonObject schema, OpenApiDocument document)
    {
        OpenApiSchema read = new OpenApiJsonReader().ReadFragment<OpenApiSchema>(schema.DeepClone(), OpenApiSpecVersion.OpenApi3_1, document, out _)!;
        if (read.Title is not string title)
            return read;
        document.Components!.Schemas!.TryAdd(title, read);
        return new OpenApiSchemaReference(title, document);
    }

    [GeneratedRegex("[A-Za-z0-9]+")]
    private static partial Regex Words();

    [GeneratedRegex(@"\{(\w+)\}")]
    private static partial Regex Parameters();
}
