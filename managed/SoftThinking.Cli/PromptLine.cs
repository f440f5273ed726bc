using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Cli;

/// <summary>One line of `--prompts`, whose settings override those of the command line.</summary>
/// <param name="Question">The prompt; empty if the line has messages.</param>
/// <param name="Settings">The command line's settings, with the conversation of the line.</param>
/// <param name="Request">The resulting request.</param>
internal sealed record PromptLine(string Question, GenerateSettings Settings, GenerationRequest Request)
{
    private static readonly string[] Keys =
    [
        "id", "prompt", "messages", "system", "tools", "template_vars", "max_new_tokens", "min_new_tokens", "samples", "log_probs",
        "stop", "stop_in_thinking", "thinking", "logit_bias",
    ];

    /// <summary>Keys that have an effect only with a chat template.</summary>
    private static readonly string[] TemplateKeys = ["messages", "system", "tools", "template_vars"];

    /// <exception cref="ArgumentException">The line is not UTF-8, or not JSON.</exception>
    public static JsonElement Parse(ReadOnlySpan<byte> line)
    {
        if (Utf8Text.FindInvalid(line) is int invalid)
            throw new ArgumentException($"line is not valid UTF-8 at byte {invalid + 1}");
        try
        {
            return JsonElement.Parse(line);
        }
        catch (JsonException error)
        {
            int bytes = (int)Math.Min(error.BytePositionInLine ?? 0, line.Length);
            throw new ArgumentException($"line is not valid JSON at column {Encoding.UTF8.GetCharCount(line[..bytes]) + 1}", error);
        }
    }

    /// <summary>The "id" of a line; null if it has none.</summary>
    /// <exception cref="ArgumentException">The id is neither text nor a number; or a key is not Unicode text.</exception>
    public static JsonElement? ReadId(JsonElement @object)
    {
        if (@object.ValueKind != JsonValueKind.Object)
            return null;
        JsonElement? id = null;
        foreach (JsonProperty property in @object.EnumerateObject())
        {
            if (JsonValue.Name(property) != "id" || property.Value.ValueKind == JsonValueKind.Null)
                continue;
            id = property.Value;
            if (property.Value.ValueKind != JsonValueKind.Number)
                JsonValue.Text("id", property.Value);
        }
        return id;
    }

    /// <summary>Reads a line. A key whose value is null counts as absent.</summary>
    /// <param name="object">The line as JSON.</param>
    /// <exception cref="ArgumentException">The line is not an object, lacks a prompt, or has an unknown key or a value out of
    /// range.</exception>
    public static PromptLine Read(JsonElement @object, GenerateSettings settings, SamplingArguments sampling)
    {
        if (@object.ValueKind != JsonValueKind.Object)
            throw new ArgumentException("line is not a JSON object");
        PromptLine line = Make("", settings);
        HashSet<string> present = [];
        foreach (JsonProperty property in @object.EnumerateObject())
        {
            string key = JsonValue.Name(property);
            if (!Keys.Contains(key) && !sampling.Has(key))
                throw new ArgumentException($"unknown key \"{key}\"");
            if (property.Value.ValueKind == JsonValueKind.Null)
                continue;
            present.Add(key);
            line = line.With(key, property.Value, sampling);
        }
        Check(line, present, settings.Raw);
        return line.WithPrompt();
    }

    /// <summary>A question with the settings of the command line.</summary>
    public static PromptLine Make(string question, GenerateSettings settings) => new PromptLine(question, settings, new GenerationRequest
    {
        Prompt = new TextPrompt(question),
        Sampling = settings.Sampling,
        Thinking = settings.Thinking,
        MaxNewTokens = settings.MaxNewTokens,
        MinNewTokens = settings.MinNewTokens,
        Samples = settings.Samples,
        StopStrings = settings.Stop,
        StopInThinking = settings.StopInThinking,
        LogProbs = settings.LogProbs,
    }).WithPrompt();

    /// <summary>Returns a copy whose request has the prompt of the question or the messages.</summary>
    private PromptLine WithPrompt()
    {
        Prompt prompt = Settings.Raw ? new TextPrompt(Question) : new ChatPrompt([.. Conversation()])
        {
            Tools = Settings.Tools is JsonElement tools ? JsonNode.Parse(tools.GetRawText()) : null,
            TemplateVariables = TemplateVariables.ToObject(Settings.TemplateVars),
        };
        return this with { Request = Request with { Prompt = prompt } };
    }

    /// <summary>The messages of a line, or the question; preceded by the system message of the settings, unless the messages start with
    /// one.</summary>
    private IEnumerable<ChatMessage> Conversation()
    {
        IReadOnlyList<ChatMessage> messages = Settings.Messages ?? [new ChatMessage("user", Question)];
        return Settings.System is string system && messages[0].Role is not ("system" or "developer")
            ? [new ChatMessage("system", system), .. messages]
            : messages;
    }

    private static void Check(PromptLine line, HashSet<string> present, bool raw)
    {
        if (raw && TemplateKeys.FirstOrDefault(present.Contains) is string key)
            throw new ArgumentException($"\"{key}\" needs the chat template, which --raw switches off");
        if (!present.Contains("prompt") && !present.Contains("messages"))
            throw new ArgumentException("\"prompt\" or \"messages\" is missing");
        if (present.Contains("prompt") && present.Contains("messages"))
            throw new ArgumentException("\"prompt\" and \"messages\" cannot be combined");
        if (present.Contains("system") && present.Contains("messages"))
            throw new ArgumentException("\"system\" and \"messages\" cannot be combined: put a system message first in \"messages\"");
        if (present.Contains("prompt") && line.Question.Length == 0)
            throw new ArgumentException("the prompt is empty");
    }

    private PromptLine With(string key, JsonElement value, SamplingArguments sampling) => key switch
    {
        "id" => this, // copied to the output unchanged
        "prompt" => this with { Question = JsonValue.Text(key, value) },
        "messages" => this with { Settings = Settings with { Messages = ChatMessages.Read(value) } },
        "system" => this with { Settings = Settings with { System = JsonValue.Text(key, value) } },
        "tools" => this with { Settings = Settings with { Tools = ChatMessages.ReadTools(value) } },
        "template_vars" => this with { Settings = Settings with { TemplateVars = TemplateVariables.Read(value, Settings.TemplateVars) } },
        "max_new_tokens" => this with { Request = Number(key, value, number => Request with { MaxNewTokens = number }) },
        "samples" => this with { Request = Number(key, value, number => Request with { Samples = number }) },
        "log_probs" => this with { Request = Number(key, value, number => Request with { LogProbs = number }) },
        "min_new_tokens" => this with { Request = Number(key, value, number => Request with { MinNewTokens = number }) },
        "stop" => this with { Request = WithStop(value) },
        "stop_in_thinking" => this with { Request = Request with { StopInThinking = JsonValue.Flag(key, value) } },
        "thinking" => this with { Request = Request with { Thinking = ReadThinking(value) } },
        "logit_bias" => this with { Request = WithBias(value) },
        _ => this with { Request = Request with { Sampling = sampling.Set(Request.Sampling, key, value) } },
    };

    private static GenerationRequest Number(string key, JsonElement value, Func<int, GenerationRequest> set) =>
        set(JsonValue.Number<int>(key, value, number => set(number)));

    private static ThinkingStart ReadThinking(JsonElement value) =>
        ThinkingStarts.Parse(JsonValue.Text("thinking", value)) ?? throw JsonValue.Wrong("thinking", "\"auto\", \"open\" or \"closed\"", value);

    private GenerationRequest WithBias(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw JsonValue.Wrong("logit_bias", "an object of token ids and numbers", value);
        Dictionary<int, float> biases = [];
        foreach (JsonProperty entry in value.EnumerateObject())
        {
            string name = JsonValue.Name(entry);
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                throw new ArgumentException($"logit_bias has the key \"{name}\", which is not a token id");
            biases[id] = JsonValue.Number<float>($"logit_bias.{name}", entry.Value, bias => _ = new SamplingOptions { LogitBias = new Dictionary<int, float> { [id] = bias } });
        }
        return Request with { Sampling = Request.Sampling with { LogitBias = biases } };
    }

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
