using System.Text.Json;
using Microsoft.AspNetCore.Http;
using SoftThinking.Json;

namespace SoftThinking.Server.Wire;

/// <summary>Reads the bodies of requests.</summary>
internal static class RequestBody
{
    /// <summary>Which of several fields a body has, of which it must have one.</summary>
    /// <exception cref="JsonFieldException">It has none of them, or several.</exception>
    public static string OnlyOneOf(JsonElement body, params string[] names)
    {
        string[] given = [.. names.Where(name => body.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null)];
        return given.Length == 1 ? given[0] : throw new JsonFieldException(names[0],
            $"one of {string.Join(", ", names)} must be given, not {(given.Length == 0 ? "none" : string.Join(" and ", given))}");
    }

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
