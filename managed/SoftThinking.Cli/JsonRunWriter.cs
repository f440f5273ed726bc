using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Prints a run as one JSON object when it has ended.</summary>
internal sealed class JsonRunWriter(TextWriter output) : IRunWriter
{
    public void Add(GenerationRun run, GenerationEvent next)
    {
    }

    public void End(GenerationRun run)
    {
        JsonLine.Write(output, json => Write(json, run));
    }

    /// <summary>Writes the properties of a run into the open object.</summary>
    public static void Write(Utf8JsonWriter json, GenerationRun run)
    {
        json.WriteString("model", TokenJson.Encode(run.Model));
        json.WriteNumber("seed", run.Seed);
        json.WriteString("text", TokenJson.Encode(run.Text));
        json.WriteString("thinking", TokenJson.Encode(run.Thinking));
        json.WriteString("answer", TokenJson.Encode(run.Answer));
        json.WriteString("finish_reason", NameOf(run.End));
        if (run.Error is string error)
            json.WriteString("error", TokenJson.Encode(error));
        WriteNullable(json, "stop_string", run.Stop?.Text);
        WriteNullable(json, "thinking_end", NameOf(run.ThinkingEnd));
        WriteUsage(json, run);
        WriteTiming(json, run);
        json.WriteStartArray("tokens");
        foreach (GeneratedToken token in run.Tokens)
        {
            json.WriteStartObject();
            TokenJson.Write(json, token);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteUsage(Utf8JsonWriter json, GenerationRun run)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", run.PromptTokens);
        json.WriteNumber("thinking_tokens", run.ThinkingTokens);
        json.WriteNumber("completion_tokens", run.Tokens.Count);
        json.WriteEndObject();
    }

    private static void WriteTiming(Utf8JsonWriter json, GenerationRun run)
    {
        json.WriteStartObject("timing");
        json.WriteNumber("load_ms", Math.Round(run.Load.TotalMilliseconds, 3));
        json.WriteNumber("prefill_ms", Math.Round(run.Prefill.TotalMilliseconds, 3));
        json.WriteNumber("decode_ms", Math.Round(run.Decode.TotalMilliseconds, 3));
        json.WriteNumber("prefill_tokens_per_second", Math.Round(run.PrefillTokensPerSecond, 3));
        json.WriteNumber("decode_tokens_per_second", Math.Round(run.DecodeTokensPerSecond, 3));
        json.WriteEndObject();
    }

    private static void WriteNullable(Utf8JsonWriter json, string name, string? value)
    {
        if (value == null)
            json.WriteNull(name);
        else
            json.WriteString(name, TokenJson.Encode(value));
    }

    private static string NameOf(RunEnd end) => end switch
    {
        RunEnd.Stop => "stop",
        RunEnd.Length => "length",
        RunEnd.ColdStop => "cold_stop",
        RunEnd.Cancelled => "cancelled",
        _ => "error",
    };

    private static string? NameOf(ThinkingEnd? end) => end switch
    {
        ThinkingEnd.Model => "model",
        ThinkingEnd.ColdStop => "cold_stop",
        ThinkingEnd.Budget => "budget",
        _ => null,
    };
}
