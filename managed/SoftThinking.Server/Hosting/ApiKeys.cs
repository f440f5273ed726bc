using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace SoftThinking.Server.Hosting;

/// <summary>The keys of a server. They are compared by their digests, in a time that does not depend on them.</summary>
internal sealed class ApiKeys(IEnumerable<string> keys)
{
    private const string Bearer = "Bearer ";

    private readonly byte[][] _digests = [.. keys.Select(key => SHA256.HashData(Encoding.UTF8.GetBytes(key)))];

    /// <summary>Whether a request has a key, in the header Authorization or x-api-key, or needs none.</summary>
    public bool Allow(HttpRequest request)
    {
        if (_digests.Length == 0)
            return true;
        string authorization = request.Headers.Authorization.ToString();
        string given = authorization.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? authorization[Bearer.Length..] : request.Headers["x-api-key"].ToString();
        byte[] digest = SHA256.HashData(Encoding.UTF8.GetBytes(given.Trim()));
        bool allowed = false;
        foreach (byte[] known in _digests)
            allowed |= CryptographicOperations.FixedTimeEquals(digest, known);
        return allowed;
    }
}
