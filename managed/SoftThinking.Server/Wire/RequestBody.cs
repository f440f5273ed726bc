using System.Text.Json;
using Microsoft.AspNetCore.Http;
using SoftThinking.Json;

namespace SoftThinking.Server.Wire;

/// <summary>Reads the bodies of requests.</summary>
internal static class RequestBody
{
    /// <summary>Reads a body of JSON.</summary>
    /// <exception cref="WireException">The body is not declared as JSON, or is none.</exception>
    /// <exception cref="BadHttpRequestException">The body is larger than the server allows, or incomplete.</exception>
    public static async Task<JsonElement> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        // Another type could be sent by a form of any page in a browser, without asking this server first.
        if (!request.HasJsonContentType())
            throw new WireException(new WireError(415, "invalid_request_error", "the Content-Type must be application/json"));
        using MemoryStream body = new();
        await request.Body.CopyToAsync(body, cancellation).ConfigureAwait(false);
        try
        {
            return RequestJson.Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
        }
        catch (ArgumentException error)
        {
            throw new WireException(WireError.Invalid($"the body: {error.Message}"));
        }
    }
}
