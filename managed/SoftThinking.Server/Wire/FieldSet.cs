using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Server.Wire;

/// <summary>The fields of a request's body: how they are read, and how they are documented. They are applied in their order here, whatever
/// their order in the body. As clients send fields of many servers, an unknown one is ignored, unless its name looks like a
/// known one misspelled.</summary>
internal sealed class FieldSet<T>
{
    private readonly Dictionary<string, Field<T>> _byName;

    /// <summary>Names that other servers know and that look like one of ours.</summary>
    private static readonly string[] Foreign = ["betas", "models", "speed"];

    public FieldSet(IReadOnlyList<Field<T>> fields) => (Fields, _byName) = (fields, fields.ToDictionary(field => field.Name));

    public IReadOnlyList<Field<T>> Fields { get; }

    /// <param name="body">The object.</param>
    /// <param name="start">The request without any field.</param>
    /// <param name="prefix">What precedes the names of fields in messages.</param>
    /// <exception cref="WireException">The body is no object, a required field is missing, or one is misspelled.</exception>
    /// <exception cref="ArgumentException">A field is wrong.</exception>
    public T Read(JsonElement body, T start, string prefix = "")
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            string field = prefix.TrimEnd('.');
            throw new WireException(field.Length == 0 ? WireError.Invalid("the body must be a JSON object") : WireError.Invalid($"{field} must be an object", field));
        }
        Dictionary<string, JsonField> given = [];
        foreach (JsonField field in SamplingJson.InOrder(new JsonField("", body).Fields()))
        {
            if (!_byName.ContainsKey(field.Key))
                CheckSpelling(field.Key, prefix);
            else if (field.Value.ValueKind != JsonValueKind.Null)
                given[field.Key] = field with { Key = prefix + field.Key };
        }
        foreach (Field<T> field in Fields)
        {
            if (given.TryGetValue(field.Name, out JsonField value))
                start = field.Apply(start, value);
            else if (field.Required)
                throw new WireException(WireError.Invalid($"{prefix}{field.Name} is missing", prefix + field.Name));
        }
        return start;
    }

    /// <summary>The JSON schema of the object.</summary>
    public JsonObject Schema(string? description = null)
    {
        JsonObject schema = new()
        {
            ["type"] = "object",
            ["properties"] = new JsonObject(Fields.Select(field => KeyValuePair.Create<string, JsonNode?>(field.Name, field.Schema.DeepClone()))),
        };
        if (description != null)
            schema["description"] = description;
        if (Fields.Any(field => field.Required))
            schema["required"] = new JsonArray([.. Fields.Where(field => field.Required).Select(field => JsonValue.Create(field.Name))]);
        return schema;
    }

    private void CheckSpelling(string name, string prefix)
    {
        if (!Foreign.Contains(name) && Fields.FirstOrDefault(field => Spelling.IsNear(name, field.Name)) is Field<T> near)
            throw new WireException(WireError.Invalid($"unknown field \"{prefix}{name}\"; did you mean \"{near.Name}\"?", prefix + name));
    }
}
