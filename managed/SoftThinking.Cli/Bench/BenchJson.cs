using System.Buffers;
using System.Text;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>Prints what `bench` found as one JSON object.</summary>
internal static class BenchJson
{
    public static void Write(TextWriter output, BenchReport report)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter json = new(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            WriteMachine(json, report.Machine);
            WriteModel(json, report);
            json.WriteStartArray("results");
            foreach (BenchResult result in report.Results)
                WriteResult(json, report, result);
            json.WriteEndArray();
            if (report.Concurrency is ConcurrencyResult concurrency)
                WriteConcurrency(json, report.Settings, concurrency);
            if (report.PrefixReuse is PrefixResult prefix)
                WritePrefix(json, prefix);
            json.WriteEndObject();
        }
        output.WriteLine(Encoding.UTF8.GetString(buffer.WrittenSpan));
    }

    private static void WriteMachine(Utf8JsonWriter json, MachineRates machine)
    {
        json.WriteStartObject("machine");
        json.WriteString("device", machine.Device);
        json.WriteString("instruction_set", machine.InstructionSet);
        json.WriteNumber("threads", machine.Threads);
        json.WriteNumber("read_bandwidth_gbps", Math.Round(machine.ReadBandwidth / 1e9, 3));
        json.WriteNumber("multiply_adds_f32_per_second", Math.Round(machine.MultiplyAddsF32));
        json.WriteNumber("multiply_adds_bf16_per_second", Math.Round(machine.MultiplyAddsBf16));
        json.WriteNumber("multiply_adds_int8_per_second", Math.Round(machine.MultiplyAddsInt8));
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, BenchReport report)
    {
        ModelCost cost = report.Cost;
        json.WriteStartObject("model");
        json.WriteString("name", StepJson.Encode(report.Settings.ModelName));
        json.WriteString("kv_dtype", report.Settings.Engine.KvDtype == KvDtype.F32 ? "f32" : "bf16");
        json.WriteNumber("weight_bytes", cost.WeightBytes);
        json.WriteNumber("weight_bytes_per_step", cost.WeightBytesPerStep);
        json.WriteNumber("kv_bytes_per_token", cost.KvBytesPerToken);
        json.WriteNumber("multiply_adds_per_token", cost.MultiplyAddsPerToken);
        json.WriteNumber("multiply_adds_per_sample", cost.MultiplyAddsPerSample);
        json.WriteNumber("multiply_adds_per_pair", cost.MultiplyAddsPerPair);
        json.WriteBoolean("bf16_products", cost.Bf16Products);
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
        json.WriteNumber("prefill_tokens_per_second", Math.Round(result.PrefillTokensPerSecond, 3));
        json.WriteNumber("prefill_arithmetic_fraction", Math.Round(report.PrefillArithmetic(result), 4));
        json.WriteNumber("time_to_first_token_ms", Milliseconds(result.TimeToFirstToken));
        json.WriteNumber("decode_tokens_per_second", Math.Round(result.DecodeTokensPerSecond, 3));
        json.WriteNumber("decode_bandwidth_fraction", Math.Round(report.DecodeBandwidth(result), 4));
        json.WriteNumber("decode_arithmetic_fraction", Math.Round(report.DecodeArithmetic(result), 4));
        if (result.GreedyTokensPerSecond is double greedy)
            json.WriteNumber("greedy_decode_tokens_per_second", Math.Round(greedy, 3));
        json.WriteNumber("mixed_fraction", Math.Round(result.MixedFraction, 4));
        json.WriteNumber("peak_memory_bytes", result.PeakMemoryBytes);
        json.WriteString("output_hash", result.OutputHash);
        json.WriteEndObject();
    }

    private static void WriteConcurrency(Utf8JsonWriter json, BenchSettings settings, ConcurrencyResult concurrency)
    {
        json.WriteStartObject("concurrency");
        json.WriteNumber("requests", concurrency.Requests);
        json.WriteNumber("prompt", settings.Prompt);
        json.WriteNumber("generate", settings.Generate);
        json.WriteNumber("one_after_another_ms", Milliseconds(concurrency.OneAfterAnotherSeconds));
        json.WriteNumber("concurrent_ms", Milliseconds(concurrency.ConcurrentSeconds));
        json.WriteNumber("speedup", Math.Round(concurrency.Speedup, 3));
        json.WriteBoolean("same_output", concurrency.SameOutput);
        json.WriteEndObject();
    }

    private static void WritePrefix(Utf8JsonWriter json, PrefixResult prefix)
    {
        json.WriteStartObject("prefix_reuse");
        json.WriteNumber("shared_tokens", prefix.SharedTokens);
        json.WriteNumber("prompt_tokens", prefix.PromptTokens);
        json.WriteNumber("cached_tokens", prefix.CachedTokens);
        json.WriteNumber("cold_time_to_first_token_ms", Milliseconds(prefix.ColdSeconds));
        json.WriteNumber("cached_time_to_first_token_ms", Milliseconds(prefix.CachedSeconds));
        json.WriteNumber("speedup", Math.Round(prefix.Speedup, 3));
        json.WriteEndObject();
    }

    private static double Milliseconds(double seconds) => Math.Round(seconds * 1000, 3);
}
