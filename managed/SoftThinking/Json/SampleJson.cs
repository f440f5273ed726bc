using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>A sample as JSON.</summary>
public static class SampleJson
{
    /// <summary>Writes a sample, without its tokens, as properties of the open object.</summary>
    /// <param name="json">Where to write.</param>
    /// <param name="sample">The sample.</param>
    /// <param name="finishReason">Reported in place of the sample's own reason, for one that was interrupted: "cancelled", "error".</param>
    /// <exception cref="ArgumentNullException">The writer or the sample is null.</exception>
    /// <exception cref="InvalidOperationException">No object is open in the writer.</exception>
    public static void Write(Utf8JsonWriter json, GeneratedSample sample, string? finishReason = null)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(sample);
        json.WriteNumber("seed", sample.Seed);
        json.WriteString("text", sample.Text);
        json.WriteString("thinking", sample.Thinking);
        json.WriteString("answer", sample.Answer);
        json.WriteString("finish_reason", finishReason ?? NameOf(sample.FinishReason));
        json.WriteString("stop_string", sample.Stop?.Text);
        json.WriteString("thinking_end", sample.ThinkingEnd is ThinkingEnd end ? NameOf(end) : null);
        WriteUsage(json, sample.Usage);
        if (sample.Confidence is SampleConfidence confidence)
            WriteConfidence(json, confidence);
    }

    /// <summary>Writes the tokens of a sample as the property "tokens" of the open object.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidOperationException">No object is open in the writer.</exception>
    public static void WriteTokens(Utf8JsonWriter json, GeneratedSample sample)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(sample);
        json.WriteStartArray("tokens");
        foreach (GeneratedToken token in sample.Tokens)
        {
            json.WriteStartObject();
            TokenJson.Write(json, token);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    /// <summary>The name of an end: "model", "cold_stop", "budget", "cusum", "eat", "deer" or "switches".</summary>
    public static string NameOf(ThinkingEnd end) => end switch
    {
        ThinkingEnd.ColdStop => "cold_stop",
        ThinkingEnd.Budget => "budget",
        ThinkingEnd.Cusum => "cusum",
        ThinkingEnd.Eat => "eat",
        ThinkingEnd.Deer => "deer",
        ThinkingEnd.Switches => "switches",
        _ => "model",
    };

    /// <summary>The name of a reason: "stop", "length", "cold_stop" or "low_confidence".</summary>
    public static string NameOf(FinishReason reason) => reason switch
    {
        FinishReason.Length => "length",
        FinishReason.ColdStop => "cold_stop",
        FinishReason.LowConfidence => "low_confidence",
        _ => "stop",
    };

    private static void WriteConfidence(Utf8JsonWriter json, SampleConfidence confidence)
    {
        json.WriteStartObject("confidence");
        json.WriteNumber("mean", confidence.Mean);
        json.WriteNumber("least", confidence.Least);
        if (confidence.Bar is float bar)
            json.WriteNumber("bar", bar);
        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("thinking_tokens", usage.ThinkingTokens);
        json.WriteNumber("completion_tokens", usage.CompletionTokens);
        json.WriteEndObject();
    }
}
