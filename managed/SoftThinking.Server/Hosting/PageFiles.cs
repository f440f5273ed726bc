using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace SoftThinking.Server.Hosting;

/// <summary>The files of the page, which are part of the assembly.</summary>
internal static class PageFiles
{
    private const string Prefix = "page/", Index = "index.html";

    // No script, style or connection but this server's own.
    private const string Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    private static readonly Dictionary<string, string> Types = new()
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    public static void Map(IEndpointRouteBuilder app)
    {
        foreach (string resource in typeof(PageFiles).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            string name = resource[Prefix.Length..];
            byte[] content = Read(resource);
            string tag = $"\"{Convert.ToHexString(SHA256.HashData(content))[..16]}\"";
            RequestDelegate send = http => SendAsync(http, content, Types[Path.GetExtension(name)], tag);
            app.MapMethods(name == Index ? "/" : "/" + resource, [HttpMethods.Get, HttpMethods.Head], send);
        }
    }

    private static byte[] Read(string resource)
    {
        using Stream stream = typeof(PageFiles).Assembly.GetManifestResourceStream(resource)!;
        using MemoryStream copy = new();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    private static async Task SendAsync(HttpContext http, byte[] content, string type, string tag)
    {
        IHeaderDictionary headers = http.Response.Headers;
        (headers.ContentSecurityPolicy, headers.XContentTypeOptions, headers["Referrer-Policy"]) = (Policy, "nosniff", "no-referrer");
        (headers.CacheControl, headers.ETag) = ("no-cache", tag);
        if (http.Request.Headers.IfNoneMatch.ToString() == tag)
        {
            http.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }
        http.Response.ContentType = type;
        http.Response.ContentLength = content.Length;
        await http.Response.Body.WriteAsync(content, http.RequestAborted).ConfigureAwait(false);
    }
}
