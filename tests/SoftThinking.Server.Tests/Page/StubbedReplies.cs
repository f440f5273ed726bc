using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace SoftThinking.Server.Tests.Page;

/// <summary>Replies that a test writes in place of the server, as slowly and as wrongly as it wants.</summary>
internal sealed class StubbedReplies(IPage page)
{
    /// <summary>To be run before the scripts of the page: keeps requests in <c>window.stubs</c>.</summary>
    public const string Script = """
        window.stubs = [];
        const realFetch = window.fetch;
        window.fetch = (url, options = {}) => {
            if (!String(url).endsWith("/v1/chat/completions"))
                return realFetch(url, options);
            const stub = { request: JSON.parse(options.body), aborted: false };
            const body = new ReadableStream({ start: controller => stub.controller = controller });
            options.signal.addEventListener("abort", () => {
                stub.aborted = true;
                stub.controller.error(options.signal.reason);
            });
            window.stubs.push(stub);
            return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
        };
        """;

    public const string End = "data: [DONE]\n\n";

    /// <summary>A token of one text, or of several with equal weights.</summary>
    public static JsonObject Token(bool thinking, params string[] texts) => new()
    {
        ["token"] = 7,
        ["soft"] = thinking,
        ["thinking"] = thinking,
        ["marker"] = false,
        ["entropy"] = Math.Log(texts.Length),
        ["text"] = texts[0],
        ["ids"] = Array(Enumerable.Range(7, texts.Length)),
        ["probs"] = Array(texts.Select(_ => 1.0 / texts.Length)),
        ["texts"] = Array(texts),
    };

    /// <summary>The token that ends a thought.</summary>
    public static JsonObject EndOfThinking(string cause)
    {
        JsonObject token = Token(true, "</think>");
        token["marker"] = true;
        token["thinking_end"] = cause;
        return token;
    }

    /// <summary>The event of a chunk with tokens.</summary>
    public static string Chunk(params JsonObject[] tokens)
    {
        string TextOf(bool thinking) => string.Concat(tokens.Where(token => !(bool)token["marker"]! && (bool)token["thinking"]! == thinking)
            .Select(token => (string)token["text"]!));
        JsonObject delta = new()
        {
            ["reasoning_content"] = TextOf(true),
            ["content"] = TextOf(false),
            ["concept_tokens"] = new JsonArray([.. tokens]),
        };
        return Event(new() { ["id"] = "stub", ["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["delta"] = delta }) });
    }

    /// <summary>The event of an error.</summary>
    public static string Error(string message) =>
        Event(new() { ["error"] = new JsonObject { ["message"] = message, ["type"] = "server_error", ["param"] = null, ["code"] = null } });

    /// <summary>Sends a part of the reply to a request, the last by default.</summary>
    public Task SendAsync(string text, int? request = null) => SendAsync(Encoding.UTF8.GetBytes(text), request);

    /// <summary>Sends bytes of the reply to a request.</summary>
    public Task SendAsync(byte[] bytes, int? request = null) => page.EvaluateAsync(
        "([index, bytes]) => stubs.at(index).controller.enqueue(new Uint8Array(bytes))",
        new object[] { request ?? -1, bytes.Select(b => (int)b).ToArray() });

    /// <summary>Ends the reply to the last request.</summary>
    public Task CloseAsync() => page.EvaluateAsync("stubs.at(-1).controller.close()");

    /// <summary>Whether the page has given the last request up.</summary>
    public Task<bool> IsAbortedAsync() => page.EvaluateAsync<bool>("stubs.at(-1).aborted");

    /// <summary>The requests so far.</summary>
    public async Task<JsonElement[]> RequestsAsync() =>
        [.. (await page.EvaluateAsync<JsonElement>("stubs.map(stub => stub.request)")).EnumerateArray()];

    private static string Event(JsonObject data) => $"data: {data.ToJsonString()}\n\n";

    private static JsonArray Array<T>(IEnumerable<T> values) => new([.. values.Select(value => JsonValue.Create(value))]);
}
