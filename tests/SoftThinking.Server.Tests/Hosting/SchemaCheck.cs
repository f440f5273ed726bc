using System.Text.Json;

namespace SoftThinking.Server.Tests.Hosting;

/// <summary>Checks values against JSON schemas, as far as the documents of this server use them.</summary>
internal static class SchemaCheck
{
    /// <summary>What is wrong with a value; empty for nothing.</summary>
    public static IEnumerable<string> Problems(JsonElement value, JsonElement schema, string path = "$")
    {
        if (schema.TryGetProperty("anyOf", out JsonElement any) && !any.EnumerateArray().Any(one => !Problems(value, one, path).Any()))
            yield return $"{path} meets none of anyOf";
        if (schema.TryGetProperty("type", out JsonElement type) && !TypesOf(type).Any(name => IsOf(value, name)))
            yield return $"{path} is not of type {type}";
        if (schema.TryGetProperty("enum", out JsonElement values) && !values.EnumerateArray().Any(one => one.GetRawText() == value.GetRawText()))
            yield return $"{path} is not one of {values}";
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (string problem in ObjectProblems(value, schema, path))
                yield return problem;
        }
        if (value.ValueKind == JsonValueKind.Array && schema.TryGetProperty("items", out JsonElement items))
        {
            foreach (string problem in value.EnumerateArray().SelectMany((item, i) => Problems(item, items, $"{path}[{i}]")))
                yield return problem;
        }
    }

    /// <summary>The schema of the JSON in a request or a response of a document.</summary>
    public static JsonElement SchemaOf(JsonElement document, JsonElement withContent)
    {
        const string Prefix = "#/components/schemas/";
        JsonElement schema = withContent.GetProperty("content").GetProperty("application/json").GetProperty("schema");
        return schema.TryGetProperty("$ref", out JsonElement reference)
            ? document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()![Prefix.Length..])
            : schema;
    }

    private static IEnumerable<string> TypesOf(JsonElement type) =>
        type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(name => name.GetString()!) : [type.GetString()!];

    private static IEnumerable<string> ObjectProblems(JsonElement value, JsonElement schema, string path)
    {
        foreach (JsonElement name in schema.TryGetProperty("required", out JsonElement required) ? required.EnumerateArray() : default)
        {
            if (!value.TryGetProperty(name.GetString()!, out _))
                yield return $"{path}.{name} is missing";
        }
        if (!schema.TryGetProperty("properties", out JsonElement properties))
            yield break;
        foreach (JsonProperty property in value.EnumerateObject())
        {
            if (!properties.TryGetProperty(property.Name, out JsonElement known))
            {
                yield return $"{path}.{property.Name} is not documented";
                continue;
            }
            foreach (string problem in Problems(property.Value, known, $"{path}.{property.Name}"))
                yield return problem;
        }
    }

    private static bool IsOf(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out decimal number) && decimal.IsInteger(number),
        "null" => value.ValueKind == JsonValueKind.Null,
        _ => throw new ArgumentException($"unknown type {type}"),
    };
}
