using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Server.Wire;

/// <summary>A field of a request's body.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Schema">Its JSON schema, with a description.</param>
/// <param name="Read">The request with the value of the field.</param>
internal sealed record Field<T>(string Name, JsonObject Schema, Func<T, JsonField, T> Read)
{
    public bool Required { get; init; }

    /// <summary>The field with its errors named after itself: "n must be 1 to 256, not 0".</summary>
    public T Apply(T request, JsonField value)
    {
        try
        {
            return Read(request, value);
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw value.OutOfRange(error);
        }
    }
}
