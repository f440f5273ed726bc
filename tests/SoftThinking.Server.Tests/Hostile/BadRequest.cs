using System.Net.Http.Headers;
using System.Text;

namespace SoftThinking.Server.Tests.Hostile;

/// <summary>A request that is wrong, or may be.</summary>
/// <param name="Kind">What was done to it.</param>
/// <param name="Path">Where it is sent to.</param>
/// <param name="Body">Its body.</param>
internal sealed record BadRequest(string Kind, string Path, byte[] Body)
{
    /// <summary>The status that it must get; null where it may be valid, or wrong in several ways.</summary>
    public int? Status { get; init; }

    public string? ContentType { get; init; } = "application/json";

    /// <summary>Whether the length of the body is not declared.</summary>
    public bool Chunked { get; init; }

    public HttpRequestMessage Message()
    {
        HttpRequestMessage message = new(HttpMethod.Post, Path) { Content = Chunked ? new StreamContent(new MemoryStream(Body)) : new ByteArrayContent(Body) };
        message.Content.Headers.ContentType = ContentType == null ? null : MediaTypeHeaderValue.Parse(ContentType);
        message.Headers.TransferEncodingChunked = Chunked ? true : null;
        return message;
    }

    public override string ToString()
    {
        string body = Encoding.Latin1.GetString(Body);
        return $"{Kind}: {Path} {ContentType} {(body.Length > 500 ? $"{body[..500]}… ({body.Length} bytes)" : body)}";
    }
}
