using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Endpoints;

/// <summary>A server that speaks the chat-completions protocol.</summary>
internal sealed class ChatServer
{
    private const int ShownReply = 300, ShownName = 200;
    private readonly HttpClient _http;
    private readonly Uri _chat, _models;
    private readonly string? _key;

    /// <param name="address">Base address, with or without "/v1" at its end.</param>
    /// <param name="key">API key; null for none. It is in no message.</param>
    /// <exception cref="ArgumentException">The address is no http or https address, or the key cannot be sent.</exception>
    public ChatServer(HttpClient http, string address, string? key)
    {
        (_http, _key) = (http, key);
        if (key != null && (key == "" || !key.All(c => c is > ' ' and <= '~')))
            throw new ArgumentException("the API key must be printable ASCII characters without spaces");
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is not an http or https address");
        string start = uri.GetLeftPart(UriPartial.Path).TrimEnd('/');
        start = start.EndsWith("/v1", StringComparison.Ordinal) ? start : start + "/v1";
        (_chat, _models, Name) = (new Uri(start + "/chat/completions"), new Uri(start + "/models"), $"{uri.Scheme}://{uri.Authority}");
    }

    /// <summary>Scheme, host and port, without a user's name or password.</summary>
    public string Name { get; }

    /// <summary>Asks for a chat completion; returns the reply's object.</summary>
    /// <exception cref="EndpointException">There is no reply, or it is an error or no JSON object.</exception>
    public Task<JsonObject> ChatAsync(JsonObject body, TimeSpan limit, CancellationToken cancellation) =>
        SendAsync(() => new HttpRequestMessage(HttpMethod.Post, _chat)
        {
            Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json"),
        }, limit, cancellation);

    /// <summary>Name of the first model that the server has.</summary>
    /// <exception cref="EndpointException">There is no reply, or it names no model.</exception>
    public async Task<string> FirstModelAsync(CancellationToken cancellation)
    {
        JsonObject reply = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, _models), TimeSpan.FromSeconds(30), cancellation);
        return reply["data"] is JsonArray { Count: > 0 } models && models[0] is JsonObject model && model["id"] is JsonValue id
            && id.TryGetValue(out string? name)
            ? MessageText.Clean(name, ShownName)
            : throw new EndpointException($"{Name} names no model", transient: false);
    }

    private async Task<JsonObject> SendAsync(Func<HttpRequestMessage> create, TimeSpan limit, CancellationToken cancellation)
    {
        using CancellationTokenSource late = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        late.CancelAfter(limit);
        try
        {
            using HttpRequestMessage request = create();
            if (_key != null)
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _key);
            using HttpResponseMessage response = await _http.SendAsync(request, late.Token);
            // Not as text: the reply may name a character set that does not exist.
            byte[] bytes = await response.Content.ReadAsByteArrayAsync(late.Token);
            return response.IsSuccessStatusCode ? Parse(bytes) : throw Refused(response, Encoding.UTF8.GetString(bytes));
        }
        catch (HttpRequestException error)
        {
            throw new EndpointException($"{Name} cannot be reached: {error.Message}", transient: true, inner: error);
        }
        catch (OperationCanceledException error) when (!cancellation.IsCancellationRequested)
        {
            string problem = late.IsCancellationRequested
                ? string.Create(CultureInfo.InvariantCulture, $"did not reply within {limit.TotalSeconds:0.###} s")
                : "accepts no connection";
            throw new EndpointException($"{Name} {problem}", transient: true, inner: error);
        }
    }

    private JsonObject Parse(byte[] reply)
    {
        string? problem;
        try
        {
            JsonElement json = UntrustedJson.Parse(reply);
            problem = json.ValueKind == JsonValueKind.Object ? UntrustedJson.FindProblem(json) : "it is no JSON object";
            if (problem == null)
                return JsonObject.Create(json)!;
        }
        catch (FormatException error)
        {
            problem = $"it is {error.Message}";
        }
        throw new EndpointException($"{Name} sent a reply that cannot be used: {problem}", transient: true);
    }

    private EndpointException Refused(HttpResponseMessage response, string text)
    {
        bool transient = response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            || (int)response.StatusCode >= 500;
        // Some servers repeat the key that they refuse.
        string shown = MessageText.Clean(_key == null ? text : text.Replace(_key, "[API key]", StringComparison.Ordinal), ShownReply);
        return new EndpointException(
            $"{Name} replied with status {(int)response.StatusCode}: {shown}", transient, response.Headers.RetryAfter?.Delta)
        {
            OfThisServer = response.StatusCode is HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden or HttpStatusCode.NotFound
                or HttpStatusCode.Gone,
        };
    }
}
