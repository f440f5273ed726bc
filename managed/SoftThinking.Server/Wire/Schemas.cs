using System.Text.Json.Nodes;

namespace SoftThinking.Server.Wire;

/// <summary>JSON schemas of fields.</summary>
internal static class Schemas
{
    public static JsonObject Text(string description) => Of("string", description);

    public static JsonObject Flag(string description) => Of("boolean", description);

    public static JsonObject Integer(string description, int? least = null, int? most = null)
    {
        JsonObject schema = Of("integer", description);
        if (least is int minimum)
            schema["minimum"] = minimum;
        if (most is int maximum)
            schema["maximum"] = maximum;
        return schema;
    }

    public static JsonObject Number(string description) => Of("number", description);

    public static JsonObject Object(string description) => Of("object", description);

    /// <summary>An object all of whose properties are there, except the optional ones.</summary>
    public static JsonObject Object(string description, JsonObject properties, params string[] optional)
    {
        JsonObject schema = Of("object", description);
        schema["properties"] = properties;
        schema["required"] = new JsonArray([.. properties.Where(property => !optional.Contains(property.Key)).Select(property => JsonValue.Create(property.Key))]);
        return schema;
    }

    /// <summary>A schema with a name of its own in the documentation.</summary>
    public static JsonObject Titled(string title, JsonObject schema)
    {
        schema["title"] = title;
        return schema;
    }

    /// <summary>A schema that null meets, too.</summary>
    public static JsonObject OrNull(JsonObject schema)
    {
        schema["type"] = new JsonArray([schema["type"]!.DeepClone(), "null"]);
        return schema;
    }

    public static JsonObject Choice(string description, IEnumerable<string> values)
    {
        JsonObject schema = Of("string", description);
        schema["enum"] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]);
        return schema;
    }

    public static JsonObject Array(string description, JsonObject items)
    {
        JsonObject schema = Of("array", description);
        schema["items"] = items;
        return schema;
    }

    public static JsonObject OneOf(string description, params JsonObject[] schemas) => new()
    {
        ["description"] = description,
        ["anyOf"] = new JsonArray([.. schemas]),
    };

    private static JsonObject Of(string type, string description) => new() { ["type"] = type, ["description"] = description };
}
