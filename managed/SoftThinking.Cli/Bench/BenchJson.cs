using System.Text.Json;
using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>Prints the results of `bench` as one JSON object.</summary>
internal static class BenchJson
{
    public static void Write(TextWriter output, BenchReport report) => JsonLine.WriteIndented(output, json =>
    {
        WriteMachine(json, report.Machine);
        WriteModel(json, report);
        if (report.Load is LoadResult load)
            WriteLoad(json, load);
        json.WriteStartArray("results");
        foreach (BenchResult result in report.Results)
            WriteResult(json, report, result);
        json.WriteEndArray();
        if (report.Strategies.Count > 0)
            WriteStrategies(json, report.Strategies);
        if (report.Concurrency is ConcurrencyResult concurrency)
            WriteConcurrency(json, report.Settings, concurrency);
        if (report.Http is HttpResult http)
            WriteHttp(json, http);
        if (report.PrefixReuse is PrefixResult prefix)
            WritePrefix(json, prefix);
        if (report.Settings.Profile)
            WriteProfiles(json, report);
    });

    private static void WriteMachine(Utf8JsonWriter json, MachineRates machine)
    {
        json.WriteStartObject("machine");
        json.WriteString("device", machine.Device);
        json.WriteString("instruction_set", machine.InstructionSet);
        json.WriteNumber("threads", machine.Threads);
        Number(json, "read_bandwidth_gbps", machine.ReadBandwidth / 1e9, 3);
        json.WriteNumber("multiply_adds_f32_per_second", Math.Round(machine.MultiplyAddsF32));
        json.WriteNumber("multiply_adds_bf16_per_second", Math.Round(machine.MultiplyAddsBf16));
        json.WriteNumber("multiply_adds_int8_per_second", Math.Round(machine.MultiplyAddsInt8));
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, BenchReport report)
    {
        ModelCost cost = report.Cost;
        json.WriteStartObject("model");
        json.WriteString("name", report.Settings.ModelName);
        json.WriteString("kv_dtype", CommonOptions.NameOf(report.Settings.Engine.KvDtype));
        json.WriteNumber("weight_bytes", cost.WeightBytes);
        json.WriteNumber("weight_bytes_per_step", cost.WeightBytesPerStep);
        json.WriteNumber("expert_bytes", cost.ExpertBytes);
        json.WriteNumber("expert_share", cost.ExpertShare);
        json.WriteNumber("kv_bytes_per_token", cost.KvBytesPerToken);
        json.WriteNumber("multiply_adds_per_token", cost.MultiplyAddsPerToken);
        json.WriteNumber("multiply_adds_per_sample", cost.MultiplyAddsPerSample);
        json.WriteNumber("multiply_adds_per_pair", cost.MultiplyAddsPerPair);
        json.WriteString("products", cost.Products.ToString().ToLowerInvariant());
        if (report.FastPrefill is { InEffect: true } fast)
            json.WriteString("fast_prefill", fast.Note);
        else
            json.WriteNull("fast_prefill");
        json.WriteEndObject();
    }

    private static void WriteLoad(Utf8JsonWriter json, LoadResult load)
    {
        json.WriteStartObject("load");
        Number(json, "seconds", load.Seconds, 3);
        Number(json, "peak_memory_bytes", load.PeakMemoryBytes ?? double.NaN, 0);
        json.WriteNumber("weight_bytes", load.WeightBytes);
        Number(json, "peak_memory_ratio", load.PeakMemoryRatio ?? double.NaN, 4);
        json.WriteEndObject();
    }

    private static void WriteResult(Utf8JsonWriter json, BenchReport report, BenchResult result)
    {
        BenchSettings settings = report.Settings;
        json.WriteStartObject();
        json.WriteNumber("batch", result.Batch);
        json.WriteNumber("prompt", settings.Prompt);
        json.WriteNumber("context", settings.Context);
        json.WriteNumber("generate", settings.Generate);
        Number(json, "prefill_tokens_per_second", result.PrefillTokensPerSecond, 3);
        Number(json, "prefill_arithmetic_fraction", report.PrefillArithmetic(result), 4);
        Number(json, "time_to_first_token_ms", 1000 * result.TimeToFirstToken, 3);
        Number(json, "decode_tokens_per_second", result.DecodeTokensPerSecond, 3);
        Number(json, "decode_bandwidth_fraction", report.DecodeBandwidth(result), 4);
        Number(json, "decode_arithmetic_fraction", report.DecodeArithmetic(result), 4);
        if (result.GreedyTokensPerSecond is double greedy)
        {
            Number(json, "greedy_decode_tokens_per_second", greedy, 3);
            Number(json, "soft_cost_fraction", result.SoftCost, 4);
        }
        Number(json, "mixed_fraction", result.MixedFraction, 4);
        json.WriteNumber("peak_memory_bytes", result.PeakMemoryBytes);
        json.WriteString("output_hash", result.OutputHash);
        json.WriteEndObject();
    }

    private static void WriteStrategies(Utf8JsonWriter json, IReadOnlyList<StrategyResult> strategies)
    {
        json.WriteStartArray("strategies");
        foreach (StrategyResult result in strategies)
        {
            json.WriteStartObject();
            json.WriteNumber("batch", result.Batch);
            json.WriteString("strategy", result.Name);
            Number(json, "decode_tokens_per_second", result.TokensPerSecond, 3);
            Number(json, "step_ms", 1000 * result.StepSeconds, 4);
            Number(json, "greedy_ratio", result.GreedyRatio, 4);
            Number(json, "mixed_fraction", result.MixedFraction, 4);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteConcurrency(Utf8JsonWriter json, BenchSettings settings, ConcurrencyResult concurrency)
    {
        json.WriteStartObject("concurrency");
        json.WriteNumber("requests", concurrency.Requests);
        json.WriteNumber("prompt", settings.Prompt);
        json.WriteNumber("generate", settings.Generate);
        Number(json, "one_after_another_ms", 1000 * concurrency.SequentialSeconds, 3);
        Number(json, "concurrent_ms", 1000 * concurrency.ConcurrentSeconds, 3);
        Number(json, "speedup", concurrency.Speedup, 3);
        json.WriteBoolean("same_output", concurrency.SameOutput);
        json.WriteEndObject();
    }

    private static void WriteHttp(Utf8JsonWriter json, HttpResult http)
    {
        json.WriteStartObject("http");
        json.WriteNumber("batch", http.Batch);
        Number(json, "engine_time_to_first_token_ms", 1000 * http.EngineFirstToken, 3);
        Number(json, "http_time_to_first_token_ms", 1000 * http.HttpFirstToken, 3);
        Number(json, "time_to_first_token_ratio", http.FirstTokenRatio, 4);
        Number(json, "engine_tokens_per_second", http.EngineTokensPerSecond, 3);
        Number(json, "http_tokens_per_second", http.HttpTokensPerSecond, 3);
        Number(json, "throughput_ratio", http.ThroughputRatio, 4);
        json.WriteEndObject();
    }

    private static void WritePrefix(Utf8JsonWriter json, PrefixResult prefix)
    {
        json.WriteStartObject("prefix_reuse");
        json.WriteNumber("shared_tokens", prefix.SharedTokens);
        json.WriteNumber("prompt_tokens", prefix.PromptTokens);
        json.WriteNumber("cached_tokens", prefix.CachedTokens);
        Number(json, "cold_time_to_first_token_ms", 1000 * prefix.ColdSeconds, 3);
        Number(json, "cached_time_to_first_token_ms", 1000 * prefix.CachedSeconds, 3);
        Number(json, "speedup", prefix.Speedup, 3);
        json.WriteEndObject();
    }

    private static void WriteProfiles(Utf8JsonWriter json, BenchReport report)
    {
        json.WriteStartArray("profiles");
        foreach (ProfileResult profile in report.Profiles)
        {
            json.WriteStartObject();
            json.WriteNumber("batch", profile.Batch);
            WriteSteps(json, report, "prefill", profile.Prefill);
            WriteSteps(json, report, "decode", profile.Decode);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteSteps(Utf8JsonWriter json, BenchReport report, string name, StepProfile profile)
    {
        json.WriteStartObject(name);
        json.WriteNumber("rows", profile.Rows);
        json.WriteNumber("steps", profile.Steps);
        json.WriteStartArray("operations");
        foreach (OperationProfile operation in profile.Operations)
        {
            json.WriteStartObject();
            json.WriteString("name", operation.Name);
            json.WriteNumber("calls", operation.Calls);
            Number(json, "seconds", operation.Seconds, 9);
            json.WriteNumber("bytes", operation.Bytes);
            json.WriteNumber("multiply_adds", operation.MultiplyAdds);
            json.WriteString("format", operation.Format.ToString().ToLowerInvariant());
            Number(json, "floor_fraction", report.OfFloor(operation), 4);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>A measured number; null if the system does not report it, or the time was too short for the clock.</summary>
    private static void Number(Utf8JsonWriter json, string name, double value, int digits)
    {
        if (double.IsFinite(value))
            json.WriteNumber(name, Math.Round(value, digits));
        else
            json.WriteNull(name);
    }
}
