using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using SoftThinking.Json;

namespace SoftThinking.Server.Wire;

/// <summary>The fields of an object inside a request, by name. One whose value is null counts as absent.</summary>
internal readonly struct NamedFields
{
    private readonly string _key;
    private readonly Dictionary<string, JsonField> _byName;

    /// <exception cref="JsonFieldException">The value is no object.</exception>
    public NamedFields(JsonField value) => (_key, _byName) = (value.Key, value.Fields($"{value.Key}.")
        .Where(field => field.Value.ValueKind != JsonValueKind.Null)
        .ToDictionary(field => field.Key[(value.Key.Length + 1)..]));

    public bool TryGet(string name, [MaybeNullWhen(false)] out JsonField field) => _byName.TryGetValue(name, out field);

    /// <exception cref="JsonFieldException">There is no such field.</exception>
    public JsonField Get(string name) => TryGet(name, out JsonField field) ? field : throw new JsonFieldException($"{_key}.{name}", $"{_key}.{name} is missing");
}
