using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Cli;

/// <summary>Variables for the chat template, such as enable_thinking.</summary>
internal static class TemplateVariables
{
    /// <summary>Variables that the program itself passes to a template.</summary>
    private static readonly string[] Reserved = ["messages", "tools", "add_generation_prompt"];

    public static ImmutableDictionary<string, JsonElement> None { get; } = ImmutableDictionary<string, JsonElement>.Empty;

    /// <summary>Reads values of `--template-var`: NAME=VALUE, where the value is JSON if it is valid JSON, else text.</summary>
    /// <exception cref="UsageException">A value is malformed, or names a reserved variable.</exception>
    public static ImmutableDictionary<string, JsonElement> Parse(IEnumerable<string> options)
    {
        ImmutableDictionary<string, JsonElement> variables = None;
        foreach (string option in options)
        {
            int equals = option.IndexOf('=');
            if (equals < 1)
                throw new UsageException($"--template-var must be NAME=VALUE, not '{option}'");
            try
            {
                JsonElement value = ParseValue(option[(equals + 1)..]);
                variables = Add(variables, option[..equals], value);
            }
            catch (ArgumentException error)
            {
                throw new UsageException($"--template-var: {error.Message}");
            }
        }
        return variables;
    }

    /// <summary>Reads "template_vars", an object.</summary>
    /// <param name="variables">Those of the command line, which the object overrides one by one.</param>
    /// <exception cref="ArgumentException">The value is not an object, or names a reserved variable.</exception>
    public static ImmutableDictionary<string, JsonElement> Read(
        JsonElement value, ImmutableDictionary<string, JsonElement> variables)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw JsonValue.Wrong("template_vars", "an object", value);
        foreach (JsonProperty property in value.EnumerateObject())
            variables = Add(variables, JsonValue.Name(property), property.Value);
        return variables;
    }

    /// <summary>The variables as an object for the template; null if there are none.</summary>
    public static JsonObject? ToObject(ImmutableDictionary<string, JsonElement> variables) =>
        variables.IsEmpty ? null : new JsonObject(variables.Select(
            variable => KeyValuePair.Create(variable.Key, JsonNode.Parse(variable.Value.GetRawText()))));

    private static ImmutableDictionary<string, JsonElement> Add(
        ImmutableDictionary<string, JsonElement> variables, string name, JsonElement value)
    {
        if (Reserved.Contains(name))
            throw new ArgumentException($"the template variable '{name}' is set by {ProgramInfo.Name} itself");
        JsonValue.CheckText(name, value);
        return variables.SetItem(name, value);
    }

    private static JsonElement ParseValue(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return JsonElement.Parse($"\"{JsonEncodedText.Encode(text)}\"");
        }
    }
}
