using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.OpenApi;
using Microsoft.OpenApi.Reader;
using NUnit.Framework;
using SoftThinking.Server.Hosting;

namespace SoftThinking.Server.Tests.Hosting;

public class ApiDocumentTests
{
    private const string Json = "application/json";

    private static readonly JsonElement Document = JsonElement.Parse(ApiDocument.Write(Routes.Api, needsKey: true));

    private static TestServer Server => SharedServer.Instance;

    // That of the control needs a reply in progress.
    private static IEnumerable<TestCaseData> Examples =>
        from route in Routes.Api
        where !route.Path.EndsWith("/control", StringComparison.Ordinal)
        from example in route.Examples
        select new TestCaseData(route.Path, example.Json).SetArgDisplayNames(route.Path, example.Name);

    private static IEnumerable<string> Readable =>
        Routes.Api.Where(route => route.Body == null && route.Reply != null && route.Path != "/openapi/v1.json").Select(route => route.Path);

    private static IEnumerable<string> Writable => Routes.Api.Where(route => route.Body != null).Select(route => route.Path);

    [Test]
    public async Task Document_IsValid()
    {
        using HttpResponseMessage response = await Server.Http.GetAsync("/openapi/v1.json");
        string text = await response.Content.ReadAsStringAsync();
        ReadResult read = OpenApiDocument.Parse(text, "json");
        Assert.That(read.Diagnostic!.Errors, Is.Empty);
        Assert.That(read.Diagnostic.Warnings, Is.Empty);
        Assert.That(read.Diagnostic.SpecificationVersion, Is.EqualTo(OpenApiSpecVersion.OpenApi3_1));
        OpenApiOperation chat = read.Document!.Paths["/v1/chat/completions"].Operations![HttpMethod.Post];
        Assert.That(chat.RequestBody!.Content![Json].Schema!.Properties, Does.ContainKey("max_topk"));
        Assert.That(text, Is.EqualTo(ApiDocument.Write(Routes.Api, needsKey: false)), "it is the same each time");
    }

    [Test]
    public void Document_HasWhatIsMapped()
    {
        IEnumerable<string> mapped = Server.Server.Endpoints.OfType<RouteEndpoint>()
            .Where(endpoint => endpoint.Metadata.GetMetadata<IExcludeFromDescriptionMetadata>() == null)
            .SelectMany(endpoint => endpoint.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {endpoint.RoutePattern.RawText}"))
            .Select(route => route.Replace("{**", "{", StringComparison.Ordinal));
        IEnumerable<string> documented = Document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(operation => $"{operation.Name.ToUpperInvariant()} {path.Name}"));
        Assert.That(documented, Is.EquivalentTo(mapped));
    }

    [Test]
    public void Operations_SayWhatTheyNeed()
    {
        JsonElement[] operations =
        [
            .. Document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject()).Select(operation => operation.Value),
        ];
        Assert.That(operations.Select(operation => operation.GetProperty("operationId").GetString()), Is.Unique);
        Assert.That(operations.Select(operation => operation.GetProperty("summary").GetString()), Has.All.Not.Empty);
        Assert.That(Document.GetProperty("security").GetArrayLength(), Is.EqualTo(2));
        Assert.That(Document.GetProperty("paths").GetProperty("/health").GetProperty("get").GetProperty("security").GetArrayLength(), Is.Zero);
        Assert.That(Operation("/v1/chat/completions", "post").GetProperty("responses").TryGetProperty("401", out _));
        Assert.That(JsonElement.Parse(ApiDocument.Write(Routes.Api, needsKey: false)).TryGetProperty("security", out _), Is.False);
    }

    [TestCaseSource(nameof(Writable))]
    public void Fields_AreDescribed(string path)
    {
        JsonElement schema = BodySchema(path);
        Assert.That(schema.GetProperty("properties").EnumerateObject(), Is.Not.Empty);
        foreach (JsonProperty field in schema.GetProperty("properties").EnumerateObject())
            Assert.That(field.Value.GetProperty("description").GetString(), Is.Not.Empty, field.Name);
        Assert.That(Operation(path, "post").GetProperty("requestBody").GetProperty("content").GetProperty(Json).GetProperty("examples").EnumerateObject(), Is.Not.Empty);
    }

    [TestCaseSource(nameof(Examples))]
    public async Task Examples_AreAccepted(string path, string example)
    {
        JsonElement body = JsonElement.Parse(example);
        Assert.That(SchemaCheck.Problems(body, BodySchema(path)), Is.Empty);
        using HttpResponseMessage response = await Server.PostAsync(path, example);
        string reply = await response.Content.ReadAsStringAsync();
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK), reply);
        bool streams = body.TryGetProperty("stream", out JsonElement stream) && stream.GetBoolean();
        JsonElement documented = Operation(path, "post").GetProperty("responses").GetProperty("200");
        Assert.That(response.Content.Headers.ContentType!.MediaType, Is.EqualTo(streams ? "text/event-stream" : Json));
        Assert.That(documented.GetProperty("content").TryGetProperty(response.Content.Headers.ContentType.MediaType!, out _));
        if (!streams)
            Assert.That(SchemaCheck.Problems(JsonElement.Parse(reply), SchemaCheck.SchemaOf(Document, documented)), Is.Empty);
    }

    [TestCaseSource(nameof(Readable))]
    public async Task Replies_AreAsDocumented(string path)
    {
        using HttpResponseMessage response = await Server.Http.GetAsync(path.Replace("{**name}", TestServer.Model, StringComparison.Ordinal));
        JsonElement schema = SchemaCheck.SchemaOf(Document, Operation(path, "get").GetProperty("responses").GetProperty("200"));
        Assert.That(SchemaCheck.Problems(JsonElement.Parse(await response.Content.ReadAsStringAsync()), schema), Is.Empty);
    }

    [TestCaseSource(nameof(Writable))]
    public async Task Errors_AreAsDocumented(string path)
    {
        (int status, JsonElement error) = await Server.FailAsync(path, "[]");
        JsonElement schema = SchemaCheck.SchemaOf(Document, Operation(path, "post").GetProperty("responses").GetProperty(status.ToString()));
        Assert.That(status, Is.EqualTo(400));
        Assert.That(SchemaCheck.Problems(error, schema), Is.Empty);
    }

    private static JsonElement Operation(string path, string method) =>
        Document.GetProperty("paths").GetProperty(path.Replace("{**", "{", StringComparison.Ordinal)).GetProperty(method);

    private static JsonElement BodySchema(string path) => SchemaCheck.SchemaOf(Document, Operation(path, "post").GetProperty("requestBody"));
}
