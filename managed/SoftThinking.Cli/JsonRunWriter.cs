using System.Text.Json;
using SoftThinking.Json;

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
    /// <param name="records">Whether to write the records of tokens that have them.</param>
    public static void Write(Utf8JsonWriter json, GenerationRun run, bool records = false)
    {
        GeneratedSample sample = run.Sample;
        if (!records)
            sample = sample with { Tokens = [.. sample.Tokens.Select(token => token with { Record = null })] };
        json.WriteString("model", run.Model);
        SampleJson.Write(json, sample, run.End switch
        {
            RunEnd.Cancelled => "cancelled",
            RunEnd.Error => "error",
            _ => null,
        });
        if (run.Error is string error)
            json.WriteString("error", error);
        WriteTiming(json, run);
        SampleJson.WriteTokens(json, sample);
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
}
