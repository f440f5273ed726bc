using SoftThinking.Json;

namespace SoftThinking.Server.Wire;

/// <summary>Fields that have one of a few names as value.</summary>
internal static class OneOf
{
    /// <exception cref="JsonFieldException">The value is another one.</exception>
    public static string Read(JsonField field, IReadOnlyCollection<string> names) => names.Contains(field.Text()) ? field.Text() : throw Wrong(field, names);

    /// <summary>The error for a value that is none of these.</summary>
    public static JsonFieldException Wrong(JsonField field, IReadOnlyCollection<string> names) => field.Wrong(string.Join(" or ", names.Select(name => $"\"{name}\"")));
}
