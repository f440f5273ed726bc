using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Templating;

/// <summary>The template of a checkpoint and its special tokens, as its files give them.</summary>
internal sealed record TemplateFiles(string? Source, string Name, IReadOnlyDictionary<string, string> SpecialTokens)
{
    private const string TemplateFile = "chat_template.jinja", Key = "chat_template";

    public static TemplateFiles Read(string directory)
    {
        TokenizerSettings settings = TokenizerSettings.Read(directory);
        Dictionary<string, string> tokens = settings.Named.ToDictionary(named => named.Key, named => named.Value.Content);
        string templatePath = Path.Combine(directory, TemplateFile);
        if (File.Exists(templatePath))
            return new(ModelFile.ReadText(templatePath), templatePath, tokens);
        string? source = settings.Config is JsonSettings config && config.Find(Key) is JsonElement template
            ? ReadTemplate(config, template)
            : null;
        return new(source, Path.Combine(directory, TokenizerSettings.ConfigFile), tokens);
    }

    private static string? ReadTemplate(JsonSettings config, JsonElement template) => template.ValueKind switch
    {
        JsonValueKind.String => config.ReadText(Key, template),
        JsonValueKind.Array => ReadNamed(config, template),
        _ => throw config.Refuse($"'{Key}'", "is neither a string nor a list of named templates"),
    };

    private static string? ReadNamed(JsonSettings config, JsonElement templates)
    {
        Dictionary<string, string> named = [];
        foreach (JsonElement entry in templates.EnumerateArray())
        {
            JsonSettings item = config.Object($"an entry of '{Key}'", entry);
            if (item.OptionalText("name") is not string name || item.OptionalText("template") is not string text)
                throw config.Refuse($"an entry of '{Key}'", "lacks 'name' or 'template'");
            named[name] = text;
        }
        if (named.Count == 0)
            return null;
        if (named.TryGetValue("default", out string? source) || named.Count == 1)
            return source ?? named.Values.First();
        throw config.Refuse($"'{Key}'", $"has no template named 'default', only {string.Join(", ", named.Keys.Select(HostileText.Quote))}");
    }
}
