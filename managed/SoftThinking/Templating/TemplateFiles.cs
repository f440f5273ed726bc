using System.Text.Json;

namespace SoftThinking.Templating;

/// <summary>The template of a checkpoint and its special tokens, as its files give them.</summary>
internal sealed record TemplateFiles(string? Source, string Name, IReadOnlyDictionary<string, string> SpecialTokens)
{
    private const string ConfigFile = "tokenizer_config.json";
    private const string TemplateFile = "chat_template.jinja";

    public static TemplateFiles Read(string directory)
    {
        string configPath = Path.Combine(directory, ConfigFile);
        string templatePath = Path.Combine(directory, TemplateFile);
        Dictionary<string, string> tokens = [];
        string? source = null;
        if (File.Exists(configPath))
        {
            using JsonDocument config = Parse(configPath);
            tokens = ReadTokens(config.RootElement);
            if (!File.Exists(templatePath)
                && config.RootElement.TryGetProperty("chat_template", out JsonElement template))
                source = ReadTemplate(template, configPath);
        }
        if (!File.Exists(templatePath))
            return new(source, configPath, tokens);
        return new(File.ReadAllText(templatePath), templatePath, tokens);
    }

    private static JsonDocument Parse(string path)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(File.ReadAllBytes(path));
        }
        catch (JsonException error)
        {
            throw new ModelFileException(path, $"no valid JSON: {error.Message}", error);
        }
        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return document;
        document.Dispose();
        throw new ModelFileException(path, "the JSON is no object");
    }

    /// <summary>Everything named *_token: a string, or an object that holds it as "content".</summary>
    private static Dictionary<string, string> ReadTokens(JsonElement config)
    {
        Dictionary<string, string> tokens = [];
        foreach (JsonProperty property in config.EnumerateObject())
        {
            JsonElement value = property.Value;
            if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out JsonElement content))
                value = content;
            if (property.Name.EndsWith("_token", StringComparison.Ordinal) && value.ValueKind == JsonValueKind.String)
                tokens[property.Name] = value.GetString()!;
        }
        return tokens;
    }

    private static string? ReadTemplate(JsonElement template, string path)
    {
        switch (template.ValueKind)
        {
            case JsonValueKind.Null:
                return null;
            case JsonValueKind.String:
                return template.GetString();
            case JsonValueKind.Array:
                return ReadNamed(template, path);
            default:
                throw new ModelFileException(path, "'chat_template' is neither a string nor a list of named templates");
        }
    }

    private static string? ReadNamed(JsonElement templates, string path)
    {
        Dictionary<string, string> named = [];
        foreach (JsonElement entry in templates.EnumerateArray())
        {
            if (entry.ValueKind != JsonValueKind.Object
                || !entry.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String
                || !entry.TryGetProperty("template", out JsonElement text) || text.ValueKind != JsonValueKind.String)
                throw new ModelFileException(path, "an entry of 'chat_template' lacks 'name' or 'template'");
            named[name.GetString()!] = text.GetString()!;
        }
        if (named.Count == 0)
            return null;
        if (named.TryGetValue("default", out string? source) || named.Count == 1)
            return source ?? named.Values.First();
        throw new ModelFileException(
            path, $"'chat_template' has no template named 'default', only {string.Join(", ", named.Keys)}");
    }
}
