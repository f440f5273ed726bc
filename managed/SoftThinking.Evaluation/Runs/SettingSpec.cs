using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Evaluation.Results;
using SoftThinking.Json;

namespace SoftThinking.Evaluation.Runs;

/// <summary>Settings as a user writes them: "cot", "soft:max_topk=5,temperature=0.8", "wide=soft:max_topk=20".</summary>
public static class SettingSpec
{
    /// <summary>Reads a setting: [NAME=]PRESET[:KEY=VALUE,…], whose keys are those of <see cref="SamplingJson"/>.</summary>
    /// <param name="spec">The text.</param>
    /// <param name="options">The options that the preset and the values change.</param>
    /// <exception cref="ArgumentException">The text is no setting; the message says why.</exception>
    public static EvaluationSetting Parse(string spec, SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(spec);
        (string head, string? values) = Split(spec, ':');
        (string first, string? preset) = Split(head, '=');
        EvaluationSetting setting = EvaluationSetting.Find(preset ?? first, options) ?? throw new ArgumentException(
            $"unknown setting '{preset ?? first}'; the settings are {string.Join(", ", EvaluationSetting.Presets.Select(known => known.Name))}");
        string name = preset != null ? first : spec.Replace(':', '-').Replace('=', '-').Replace(',', '-');
        if (!RunSetting.IsName(name))
            throw new ArgumentException(
                $"'{name}' cannot be the name of a setting: up to {RunSetting.MaxNameLength} letters, digits, dots, dashes and underscores; "
                + $"name it yourself as NAME={spec[(preset == null ? 0 : first.Length + 1)..]}");
        return new EvaluationSetting(name, values == null ? setting.Sampling : Apply(spec, values, setting.Sampling));
    }

    private static SamplingOptions Apply(string spec, string values, SamplingOptions sampling)
    {
        JsonObject changes = [];
        foreach (string pair in values.Split(','))
        {
            (string key, string? value) = Split(pair, '=');
            if (value == null)
                throw new ArgumentException($"'{pair}' in '{spec}' must be KEY=VALUE");
            if (key is "seed")
                throw new ArgumentException("a setting has no seed of its own: --seed and --repeat-seeds hold for all");
            if (changes.ContainsKey(key))
                throw new ArgumentException($"'{key}' stands twice in '{spec}'");
            changes[key] = ValueOf(value);
        }
        try
        {
            return SamplingJson.Read(JsonElement.Parse(changes.ToJsonString()), sampling);
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException($"'{spec}': {error.Message}", error);
        }
    }

    // JSON if it is a number, true or false, else text.
    private static JsonNode ValueOf(string text)
    {
        try
        {
            return JsonNode.Parse(text) is JsonValue value && value.GetValueKind() != JsonValueKind.String ? value : text;
        }
        catch (JsonException)
        {
            return text;
        }
    }

    private static (string Before, string? After) Split(string text, char mark) =>
        text.IndexOf(mark) is >= 0 and int at ? (text[..at], text[(at + 1)..]) : (text, null);
}
