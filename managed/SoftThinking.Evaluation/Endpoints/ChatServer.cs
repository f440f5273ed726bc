using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Endpoints;

/// <summary>A server that speaks the chat-completions protocol.</summary>
internal sealed class ChatServer
{
    private const int ShownReply = 300;
    private readonly HttpClient _http;
    private readonly Uri _chat, _models;
    private readonly string? _key;

    /// <param name="address">Base address, with or without "/v1" at its end.</param>
    /// <param name="key">API key; null for none. It is in no message.</param>
    /// <exception cref="ArgumentException">The address is no http or https address.</exception>
    public ChatServer(HttpClient http, string address, string? key)
    {
        (_http, _key) = (http, key);
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri) || uri.Scheme is not ("http" or "https"))
            throw new ArgumentException($"'{address}' is not an http or https address");
        string start = uri.GetLeftPart(UriPartial.Path).TrimEnd('/');
        start = start.EndsWith("/v1", StringComparison.Ordinal) ? start : start + "/v1";
        (_chat, _models, Name) = (new Uri(start + "/chat/completions"), new Uri(start + "/models"), uri.GetLeftPart(UriPartial.Authority));
    }

    /// <summary>Scheme, host and port.</summary>
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
            ? name
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
            string text = await response.Content.ReadAsStringAsync(late.Token);
            if (!response.IsSuccessStatusCode)
                throw Refused(response, text);
            return JsonNode.Parse(text, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject
                ?? throw new EndpointException($"{Name} replied with no JSON object", transient: true);
        }
        catch (JsonException error)
        {
            throw new EndpointException($"{Name} replied with invalid JSON", transient: true, inner: error);
        }
        catch (HttpRequestException error)
        {
            throw new EndpointException($"{Name} cannot be reached: {error.Message}", transient: true, inner: error);
        }
        catch (OperationCanceledException error) when (!cancellation.IsCancellationRequested)
        {
            throw new EndpointException($"{Name} did not reply within {limit.TotalSeconds:0} s", transient: true, inner: error);
        }
    }

    private EndpointException Refused(HttpResponseMessage response, string text)
    {
        bool transient = response.StatusCode is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests
            || (int)response.StatusCode >= 500;
        string shown = text.Length > ShownReply ? text[..ShownReply] + "…" : text;
        return new EndpointException(
            $"{Name} replied with status {(int)response.StatusCode}: {shown.ReplaceLineEndings(" ").Trim()}", transient,
            response.Headers.RetryAfter?.Delta);
    }
}
