using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>One line of `--prompts`: what it asks for, over what the command line asks for.</summary>
/// <param name="Question">The prompt.</param>
/// <param name="Settings">The command line's, with the line's system text and limit of tokens.</param>
/// <param name="Request">All but the prompt's tokens.</param>
internal sealed record PromptLine(string Question, GenerateSettings Settings, GenerationRequest Request)
{
    /// <exception cref="ArgumentException">It is no JSON.</exception>
    public static JsonElement Parse(string line)
    {
        try
        {
            return JsonElement.Parse(line);
        }
        catch (JsonException error)
        {
            throw new ArgumentException($"the line is not JSON, at byte {error.BytePositionInLine + 1}", error);
        }
    }

    /// <summary>What a line calls itself; null where it has no name.</summary>
    /// <exception cref="ArgumentException">It is neither text nor a number; or a key is no Unicode text.</exception>
    public static JsonElement? ReadId(JsonElement @object)
    {
        if (@object.ValueKind != JsonValueKind.Object)
            return null;
        JsonElement? id = null;
        foreach (JsonProperty property in @object.EnumerateObject())
        {
            if (JsonValue.Name(property) != "id")
                continue;
            id = property.Value;
            if (property.Value.ValueKind != JsonValueKind.Number)
                JsonValue.Text("id", property.Value);
        }
        return id;
    }

    /// <summary>Reads a line.</summary>
    /// <param name="object">The line as JSON.</param>
    /// <exception cref="ArgumentException">It is not an object, lacks the prompt, has an unknown key or a value out of its
    /// range.</exception>
    public static PromptLine Read(JsonElement @object, GenerateSettings settings, SamplingArguments sampling)
    {
        if (@object.ValueKind != JsonValueKind.Object)
            throw new ArgumentException("the line must be a JSON object");
        PromptLine line = Make("", settings);
        string? question = null;
        foreach (JsonProperty property in @object.EnumerateObject())
        {
            string key = JsonValue.Name(property);
            if (key == "prompt")
                question = JsonValue.Text(key, property.Value);
            else
                line = line.With(key, property.Value, sampling);
        }
        if (string.IsNullOrEmpty(question))
            throw new ArgumentException(question == null ? "\"prompt\" is missing" : "the prompt is empty");
        if (line.Settings.System != null && settings.Raw)
            throw new ArgumentException("\"system\" needs the chat template, which --raw switches off");
        return line with { Question = question };
    }

    /// <summary>A question with what the command line asks for.</summary>
    public static PromptLine Make(string question, GenerateSettings settings) => new(question, settings, new GenerationRequest
    {
        Prompt = [],
        Sampling = settings.Sampling,
        MaxNewTokens = settings.MaxNewTokens,
        Samples = settings.Samples,
        StopStrings = settings.Stop,
        LogProbs = settings.LogProbs,
    });

    private PromptLine With(string key, JsonElement value, SamplingArguments sampling) => key switch
    {
        "id" => this, // goes into the output as it is
        "system" => this with { Settings = Settings with { System = JsonValue.Text(key, value) } },
        "max_new_tokens" => this with { Request = Number(key, value, number => Request with { MaxNewTokens = number }) },
        "samples" => this with { Request = Number(key, value, number => Request with { Samples = number }) },
        "log_probs" => this with { Request = Number(key, value, number => Request with { LogProbs = number }) },
        "stop" => this with { Request = WithStop(value) },
        _ when sampling.Has(key) => this with { Request = Request with { Sampling = sampling.Set(Request.Sampling, key, value) } },
        _ => throw new ArgumentException($"unknown key \"{key}\""),
    };

    private static GenerationRequest Number(string key, JsonElement value, Func<int, GenerationRequest> set) =>
        set(JsonValue.Number<int>(key, value, number => set(number)));

    private GenerationRequest WithStop(JsonElement value)
    {
        try
        {
            string[] texts = value.ValueKind == JsonValueKind.Array
                ? [.. value.EnumerateArray().Select(text => JsonValue.Text("stop", text))]
                : [JsonValue.Text("stop", value)];
            return Request with { StopStrings = texts };
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw new ArgumentException(NumberOption.Rename(error, "stop"), error);
        }
    }
}
