using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>Variables for the chat template, such as enable_thinking.</summary>
internal static class TemplateVariables
{
    /// <summary>Reads values of `--template-var`: NAME=VALUE, where the value is JSON if it is valid JSON, else text.</summary>
    /// <returns>Null if there are none.</returns>
    /// <exception cref="UsageException">A value is malformed, or names a reserved variable.</exception>
    public static JsonObject? Parse(IEnumerable<string> options)
    {
        JsonObject? variables = null;
        foreach (string option in options)
        {
            int equals = option.IndexOf('=');
            if (equals < 1)
                throw new UsageException($"--template-var must be NAME=VALUE, not '{option}'");
            try
            {
                JsonElement variable = JsonElement.Parse($"{{\"{JsonEncodedText.Encode(option[..equals])}\": {ToJson(option[(equals + 1)..])}}}");
                variables = RequestJson.ReadTemplateVariables(variable, defaults: variables);
            }
            catch (ArgumentException error)
            {
                throw new UsageException($"--template-var: {error.Message}");
            }
        }
        return variables;
    }

    private static string ToJson(string text)
    {
        try
        {
            return JsonElement.Parse(text).GetRawText();
        }
        catch (JsonException)
        {
            return $"\"{JsonEncodedText.Encode(text)}\"";
        }
    }
}
