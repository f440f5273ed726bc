using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>The names of <see cref="ReasoningField"/>.</summary>
internal static class ReasoningFields
{
    private static readonly Dictionary<string, ReasoningField> ByName = new()
    {
        ["reasoning_content"] = ReasoningField.ReasoningContent,
        ["reasoning"] = ReasoningField.Reasoning,
        ["both"] = ReasoningField.Both,
    };

    public static IReadOnlyCollection<string> Names => ByName.Keys;

    public static ReasoningField Read(JsonField field) => ByName[OneOf.Read(field, Names)];

    /// <summary>The fields of a reply.</summary>
    public static IEnumerable<string> Of(ReasoningField field) => field == ReasoningField.Both
        ? [.. ByName.Where(name => name.Value != ReasoningField.Both).Select(name => name.Key)]
        : [ByName.Single(name => name.Value == field).Key];
}
