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
        return Parse(body.GetBuffer().AsMemory(0, (int)body.Length));
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> body)
    {
        JsonElement value;
        try
        {
            value = RequestJson.Parse(body);
        }
        catch (ArgumentException error)
        {
            throw new WireException(WireError.Invalid($"the body: {error.Message}"));
        }
        if (body.Span.IndexOf("\\u"u8) >= 0)
            CheckTexts(new JsonField("", value));
        return value;
    }

    /// <summary>An escape can be half a surrogate pair, which nothing that reads a text expects.</summary>
    private static void CheckTexts(JsonField field)
    {
        switch (field.Value.ValueKind)
        {
            case JsonValueKind.String:
                try
                {
                    field.Value.GetString();
                }
                catch (InvalidOperationException)
                {
                    throw new WireException(WireError.Invalid($"{field.Key} must be Unicode text", field.Key));
                }
                break;
            case JsonValueKind.Array:
                foreach (JsonField element in field.Elements())
                    CheckTexts(element);
                break;
            case JsonValueKind.Object:
                foreach (JsonField inner in field.Fields(field.Key.Length > 0 ? field.Key + "." : ""))
                    CheckTexts(inner);
                break;
        }
    }
}
