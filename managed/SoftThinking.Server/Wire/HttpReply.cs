using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace SoftThinking.Server.Wire;

/// <summary>Writes responses.</summary>
internal static class HttpReply
{
    /// <summary>Sends a JSON value.</summary>
    public static async Task WriteJsonAsync(HttpContext http, int status, Action<Utf8JsonWriter> write, CancellationToken cancellation = default)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, EventStream.Json))
            write(json);
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = buffer.WrittenCount;
        await http.Response.Body.WriteAsync(buffer.WrittenMemory, cancellation).ConfigureAwait(false);
    }

    /// <summary>Sends an error.</summary>
    public static Task WriteErrorAsync(HttpContext http, WireError error, Action<Utf8JsonWriter, WireError> write)
    {
        if (error.RetryAfter is TimeSpan wait)
            http.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        return WriteJsonAsync(http, error.Status, json => write(json, error));
    }
}
