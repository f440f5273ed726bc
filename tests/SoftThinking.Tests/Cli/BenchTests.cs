using System.Collections.Concurrent;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Cli;
using SoftThinking.Diagnostics;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`bench` with the demonstration model: what the options do, what the object holds, and that its hashes are
/// of the output alone. Times are not looked at.</summary>
public class BenchTests
{
    private static readonly (string Option, string Value)[] Small = [("--prompt", "40"), ("--generate", "8"), ("--repeat", "1")];

    private static readonly Lazy<string[]> Plain = new(() => Hashes("--batch", "2"));

    private readonly ConcurrentDictionary<(ComputeDevice, int, int), MachineRates> _machines = [];

    /// <summary>Each run measures the machine twice, which takes most of its time: here every device is measured once.</summary>
    [OneTimeSetUp]
    public void MeasureMachinesOnce() =>
        Benchmark.Machine = options => _machines.GetOrAdd((options.Device, options.DeviceOrdinal, options.Threads), _ => MachineRates.Measure(options));

    [OneTimeTearDown]
    public void MeasureMachinesAlways() => Benchmark.Machine = MachineRates.Measure;

    [Test]
    public void TheObjectHasItsShape()
    {
        CliRun run = Bench("--batch", "1,3", "--greedy", "--concurrent", "3", "--http", "--prefix", "--threads", "1", "--json");

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Error, Is.Empty);
        JsonElement json = run.Json;
        Assert.That(Names(json), Is.EqualTo(new[] { "machine", "model", "load", "results", "concurrency", "http", "prefix_reuse" }));
        Assert.That(Names(json.GetProperty("machine")), Is.EqualTo(new[]
        {
            "device", "instruction_set", "threads", "read_bandwidth_gbps", "multiply_adds_f32_per_second",
            "multiply_adds_bf16_per_second", "multiply_adds_int8_per_second",
        }));
        Assert.That(json.GetProperty("machine").GetProperty("threads").GetInt32(), Is.EqualTo(1));
        JsonElement load = json.GetProperty("load");
        Assert.That(Names(load), Is.EqualTo(new[] { "seconds", "peak_memory_bytes", "weight_bytes", "peak_memory_ratio" }));
        Assert.That(load.GetProperty("seconds").GetDouble(), Is.GreaterThan(0));
        Assert.That(load.GetProperty("weight_bytes").GetInt64(), Is.EqualTo(json.GetProperty("model").GetProperty("weight_bytes").GetInt64()));
        JsonElement[] results = [.. json.GetProperty("results").EnumerateArray()];
        Assert.That(Names(results[0]), Is.EqualTo(new[]
        {
            "batch", "prompt", "context", "generate", "prefill_tokens_per_second", "prefill_arithmetic_fraction",
            "time_to_first_token_ms", "decode_tokens_per_second", "decode_bandwidth_fraction", "decode_arithmetic_fraction",
            "greedy_decode_tokens_per_second", "soft_cost_fraction", "mixed_fraction", "peak_memory_bytes", "output_hash",
        }));
        Assert.That(results.Select(result => result.GetProperty("batch").GetInt32()), Is.EqualTo(new[] { 1, 3 }));
        foreach (JsonElement result in results)
        {
            JsonProperty[] numbers = [.. result.EnumerateObject().Where(property => property.Value.ValueKind == JsonValueKind.Number)];
            foreach (JsonProperty property in numbers.Where(property => property.Name != "soft_cost_fraction")) // it may be below 0
                Assert.That(property.Value.GetDouble(), Is.GreaterThan(0), property.Name);
            Assert.That(result.GetProperty("output_hash").GetString(), Does.Match("^[0-9a-f]{16}$"));
        }
    }

    [Test]
    public void StrategiesAreComparedWithGreedyDecoding()
    {
        CliRun run = Bench("--batch", "1,2", "--strategy", "soft,swireasoning", "--json");

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement[] strategies = [.. run.Json.GetProperty("strategies").EnumerateArray()];
        Assert.That(strategies.Select(result => (result.GetProperty("batch").GetInt32(), result.GetProperty("strategy").GetString())), Is.EqualTo(new[]
        {
            (1, "greedy"), (1, "soft"), (1, "swireasoning"), (2, "greedy"), (2, "soft"), (2, "swireasoning"),
        }));
        Assert.That(Names(strategies[0]), Is.EqualTo(new[] { "batch", "strategy", "decode_tokens_per_second", "step_ms", "greedy_ratio", "mixed_fraction" }));
        Assert.That(Mixed(strategies[0]), Is.Zero);
        Assert.That(Mixed(strategies[2]), Is.GreaterThan(0));
        Assert.That(strategies.Select(result => result.GetProperty("greedy_ratio").GetDouble()), Has.All.GreaterThan(0));

        static double Mixed(JsonElement result) => result.GetProperty("mixed_fraction").GetDouble();
    }

    [Test]
    public void TheModelIsCountedRight()
    {
        JsonElement model = Bench("--batch", "1", "--json").Json.GetProperty("model");

        Assert.That(model.GetProperty("name").GetString(), Is.EqualTo("tiny-reasoner"));
        ModelConfig config = ModelInspection.Read(TestData.TinyReasoner).Config;
        long layer = config.HiddenSize * (2L * config.Heads * config.HeadDim + 2L * config.KvHeads * config.HeadDim + 3L * config.FfnSize);
        Assert.That(model.GetProperty("multiply_adds_per_token").GetInt64(), Is.EqualTo(config.Layers * layer));
        Assert.That(model.GetProperty("multiply_adds_per_sample").GetInt64(), Is.EqualTo((long)config.HiddenSize * config.VocabularySize));
        Assert.That(model.GetProperty("multiply_adds_per_pair").GetInt64(), Is.EqualTo(2L * config.Layers * config.Heads * config.HeadDim));
        Assert.That(model.GetProperty("kv_bytes_per_token").GetInt64(), Is.EqualTo(2L * 2 * config.Layers * config.KvHeads * config.HeadDim));
        Assert.That(model.GetProperty("weight_bytes_per_step").GetInt64(),
            Is.InRange(2 * (config.Layers * layer + (long)config.HiddenSize * config.VocabularySize), model.GetProperty("weight_bytes").GetInt64()));
    }

    [Test]
    public void TheHashDoesNotDependOnThreadsRepeatsOrTheOtherBatches()
    {
        string[] one = Hashes("--batch", "2,4", "--threads", "1");

        Assert.That(one[0], Is.Not.EqualTo(one[1]));
        Assert.That(Hashes("--batch", "2,4", "--threads", "2"), Is.EqualTo(one));
        Assert.That(Hashes("--batch", "4", "--repeat", "3"), Is.EqualTo(one[1..]));
        Assert.That(Hashes("--batch", "2,4", "--context", "40", "--greedy"), Is.EqualTo(one));
        Assert.That(Hashes("--batch", "2,4", "--context-limit", "2048"), Is.EqualTo(one));
    }

    [TestCase("--seed", "1")]
    [TestCase("--kv-dtype", "f32")]
    [TestCase("--context", "41")]
    [TestCase("--generate", "9")]
    public void TheHashIsOfTheOutput(string option, string value) =>
        Assert.That(Hashes("--batch", "2", option, value), Is.Not.EqualTo(Plain.Value));

    [Test]
    public void ConcurrentRequestsProduceWhatSequentialOnesDo()
    {
        JsonElement concurrency = Bench("--batch", "1", "--concurrent", "5", "--json").Json.GetProperty("concurrency");

        Assert.That(concurrency.GetProperty("requests").GetInt32(), Is.EqualTo(5));
        Assert.That(concurrency.GetProperty("same_output").GetBoolean(), Is.True);
    }

    [Test]
    public void TheServerIsComparedWithItsEngine()
    {
        JsonElement http = Bench("--batch", "1,2", "--http", "--json").Json.GetProperty("http");

        Assert.That(http.GetProperty("batch").GetInt32(), Is.EqualTo(2), "the largest");
        foreach (string name in new[] { "engine", "http" })
        {
            Assert.That(http.GetProperty($"{name}_time_to_first_token_ms").GetDouble(), Is.GreaterThan(0));
            Assert.That(http.GetProperty($"{name}_tokens_per_second").GetDouble(), Is.GreaterThan(0));
        }
    }

    [Test]
    public void APromptComputedBeforeIsFound()
    {
        JsonElement prefix = Bench("--batch", "1", "--prefix", "--json").Json.GetProperty("prefix_reuse");

        Assert.That(prefix.GetProperty("shared_tokens").GetInt32(), Is.EqualTo(40));
        Assert.That(prefix.GetProperty("cached_tokens").GetInt32(), Is.EqualTo(32), "whole blocks of 16");
    }

    [Test]
    public void FastPrefillThatHasNoEffectIsReported()
    {
        string[] options = ["--batch", "1", "--device", "cpu", "--fast-prefill"];
        Assert.That(Bench([.. options, "--json"]).Json.GetProperty("model").GetProperty("fast_prefill").ValueKind, Is.EqualTo(JsonValueKind.Null));
        Assert.That(Bench(options).Out, Does.Contain("\nfast prefill: no effect: the CPU has its own products only\n"));
        CliRun run = CliRun.Ask("--device", "cpu", "--fast-prefill", "--max-new-tokens", "2");
        Assert.That((run.Code, run.Error), Is.EqualTo((0, "--fast-prefill has no effect: the CPU has its own products only\n")));
    }

    [Test]
    public void AProfileCoversEveryOperation()
    {
        JsonElement json = Bench("--batch", "3", "--profile", "--json").Json;
        JsonElement profile = json.GetProperty("profiles").EnumerateArray().Single();

        Assert.That(profile.GetProperty("batch").GetInt32(), Is.EqualTo(3));
        JsonElement decode = profile.GetProperty("decode"), prefill = profile.GetProperty("prefill");
        Assert.That(decode.GetProperty("rows").GetInt32(), Is.EqualTo(3));
        Assert.That(prefill.GetProperty("rows").GetInt32(), Is.AnyOf(40, 80, 120), "as many prompts as had come when the step began");
        ModelConfig config = ModelInspection.Read(TestData.TinyReasoner).Config;
        int steps = decode.GetProperty("steps").GetInt32();
        Dictionary<string, JsonElement> operations = decode.GetProperty("operations").EnumerateArray()
            .ToDictionary(operation => operation.GetProperty("name").GetString()!);
        Assert.That(operations.Keys.Select(name => name.Split(' ')[0]).Distinct(), Is.EquivalentTo(new[]
        {
            "copy", "embed", "rope_angles", "rms_norm", "linear", "qkv_epilogue", "attention", "gather_rows", "sample",
        }));
        Assert.That(Calls($"rms_norm 3 x {config.HiddenSize}"), Is.EqualTo((2 * config.Layers + 1) * steps));
        Assert.That(Calls($"attention 3 x {config.Heads} x {config.HeadDim}"), Is.EqualTo(config.Layers * steps));
        long products = operations.Values.Where(operation => operation.GetProperty("name").GetString()!.StartsWith("linear", StringComparison.Ordinal))
            .Sum(operation => operation.GetProperty("multiply_adds").GetInt64());
        JsonElement model = json.GetProperty("model");
        long expected = model.GetProperty("multiply_adds_per_token").GetInt64() + model.GetProperty("multiply_adds_per_sample").GetInt64();
        Assert.That(products, Is.EqualTo(3 * expected * steps));
        foreach (JsonElement operation in operations.Values)
        {
            Assert.That(operation.GetProperty("seconds").GetDouble(), Is.GreaterThan(0));
            Assert.That(operation.GetProperty("bytes").GetInt64(), Is.GreaterThan(0));
            Assert.That(operation.GetProperty("floor_fraction").GetDouble(), Is.GreaterThan(0));
        }

        long Calls(string name) => operations[name].GetProperty("calls").GetInt64();
    }

    [Test]
    public void PeopleGetATable()
    {
        CliRun plain = Bench("--batch", "1,2", "--greedy", "--concurrent", "2", "--prefix", "--profile");
        using StringWriter output = new(), error = new();
        CliRun styled = CliRun.Run(null, output, error, With("--batch", "1,2"), style: true);

        Assert.That(plain.Code, Is.Zero, plain.Error);
        Assert.That(plain.Out, Does.Match(@"^machine: CPU, .*GB/s").And.Match(@"(?m)^model: tiny-reasoner, ").And.Match(@"(?m)^load: \d").And.Match(@"(?m)^\| batch \|"));
        Assert.That(plain.Out, Does.Contain("the outputs are the same").And.Contain("times sooner").And.Contain("soft costs").And.Not.Contain('\e'));
        Assert.That(plain.Out, Does.Match(@"(?m)^Engine step of the decode of batch 2: 2 rows, .* ms").And.Match(@"(?m)^\| +linear 2 x 192 -> 2 x 512 \| +5 \|"));
        Assert.That(styled.Code, Is.Zero, styled.Error);
        Assert.That(styled.Out, Does.Contain("\e[").And.Contain("batch").And.Not.Contain("| batch |"));
    }

    /// <summary>While weights are packed, the file is not resident beside them: not even one large tensor of it.</summary>
    [Test]
    public void LoadingNeedsLittleMoreMemoryThanTheWeights()
    {
        const int Rows = 1 << 20;
        using TempFolder folder = new();
        string golden = Path.Combine(TestData.FindGolden("forward")!, "qwen2-tied");
        File.Copy(Path.Combine(golden, "tokenizer.json"), folder.File("tokenizer.json"));
        folder.Write("config.json", File.ReadAllText(Path.Combine(golden, "config.json")).Replace("\"vocab_size\": 300", $"\"vocab_size\": {Rows}"));
        long embeddingBytes = WriteZeros(Path.Combine(golden, "model.safetensors"), folder.File("model.safetensors"), Rows);
        CliRun run = CliProcess.Run("", "bench", "--model", folder.Path, "--batch", "1", "--prompt", "2", "--generate", "2", "--repeat", "1", "--json");

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement load = run.Json.GetProperty("load");
        if (load.GetProperty("peak_memory_bytes").ValueKind == JsonValueKind.Null)
            Assert.Ignore("the system does not tell the peak of a part of the time");
        long beyond = load.GetProperty("peak_memory_bytes").GetInt64() - load.GetProperty("weight_bytes").GetInt64();
        TestContext.Progress.WriteLine($"beyond the weights: {beyond >> 20} MiB");
        Assert.That(load.GetProperty("weight_bytes").GetInt64(), Is.GreaterThan(embeddingBytes));
        Assert.That(beyond, Is.LessThan(embeddingBytes / 2));
    }

    [TestCase("--batch 0", "--batch must be distinct whole numbers, 1 to 1024, separated by commas, not '0'")]
    [TestCase("--batch 1,,2", "--batch must be distinct whole numbers, 1 to 1024, separated by commas, not '1,,2'")]
    [TestCase("--batch 2,2", "--batch must be distinct whole numbers, 1 to 1024, separated by commas, not '2,2'")]
    [TestCase("--batch 1025", "--batch must be distinct whole numbers, 1 to 1024, separated by commas, not '1025'")]
    [TestCase("--prompt 1", "--prompt must be 2 or more, not 1")]
    [TestCase("--generate 1", "--generate must be 2 or more, not 1")]
    [TestCase("--context 0", "--context must be 2 or more, not 0")]
    [TestCase("--context-limit 1", "--context-limit must be 2 or more, not 1")]
    [TestCase("--repeat 0", "--repeat must be 1 to 1000, not 0")]
    [TestCase("--concurrent 0", "--concurrent must be 1 to 1024, not 0")]
    [TestCase("--threads 1025", "--threads must be 0 to 1024, not 1025")]
    [TestCase("--shape gpt-5", "--shape must be qwen2.5-0.5b or qwen2.5-1.5b or qwen2.5-7b or qwen3-8b or qwen3-30b-a3b or qwen3-30b-a3b-8-layers or llama-3.1-8b or phi-4-mini or olmo-3-7b or olmo-3-7b-4-layers, not 'gpt-5'")]
    [TestCase("--shape qwen3-8b --model x", "--shape and --model cannot be combined")]
    public void UsageErrorsNameTheOptionAndItsRange(string options, string message)
    {
        CliRun run = CliRun.Of(["bench", .. options.Split(' ')]);

        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error.Split('\n')[0].TrimEnd(), Is.EqualTo($"error: {message}"));
        Assert.That(run.Out, Is.Empty);
    }

    [TestCase("--prompt 1000 --generate 100", "need 1100 positions", "allows 1024")]
    [TestCase("--model no-such-model", "no-such-model")]
    public void WhatCannotBeMeasuredIsAnError(string options, params string[] parts)
    {
        CliRun run = CliRun.Of(["bench", "--repeat", "1", .. options.Split(' ')]);

        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.StartWith("error: ").And.Match(@"^[^\n]*\n$"), "one line");
        foreach (string part in parts)
            Assert.That(run.Error, Does.Contain(part));
        Assert.That(run.Out, Is.Empty);
    }

    [Test]
    public void AnInterruptionEndsIt()
    {
        using CancellationTokenSource cancellation = new();
        using StringWriter output = new();
        // The progress bar, which only a terminal has, shows that a measurement is running.
        using CancellingWriter error = new(cancellation, "batch 1:");
        CliRun run = CliRun.Run(null, output, error, ["bench", "--repeat", "1000"], style: true, cancellation: cancellation.Token);

        Assert.That((run.Code, run.Out), Is.EqualTo((130, "")));
        Assert.That(run.Error, Does.Contain("batch 1:").And.Not.Contain("error"));
    }

    [Test]
    public void HelpNamesItsOptions()
    {
        string help = CliRun.Of("bench", "--help").Out;

        foreach (string option in new[] { "--shape", "--model", "--batch", "--prompt", "--generate", "--context", "--threads", "--json" })
            Assert.That(help, Does.Contain($"  {option}"));
    }

    /// <summary>Writes a model of zeros with the tensors of another one, but an embedding of other rows.</summary>
    /// <returns>Bytes of the embedding.</returns>
    private static long WriteZeros(string like, string path, int rows)
    {
        using SafetensorsFile model = SafetensorsFile.Open(like);
        TensorInfo embedding = model.Tensors["model.embed_tokens.weight"];
        embedding = embedding with { Shape = embedding.Shape.SetItem(0, rows), Length = 2L * rows * embedding.Shape[1] };
        TensorInfo[] tensors = [embedding, .. model.Tensors.Values.Where(tensor => tensor.Name != embedding.Name)];
        using SafetensorsOutput output = SafetensorsOutput.Create(path, tensors, model.Metadata);
        foreach (TensorInfo tensor in tensors)
            output.Write(tensor.Name, new byte[tensor.Length]);
        return embedding.Length;
    }

    private static CliRun Bench(params string[] options) => CliRun.Of(With(options));

    /// <summary>A command line that takes little time, unless the options say otherwise.</summary>
    private static string[] With(params string[] options) =>
        ["bench", .. Small.Where(small => !options.Contains(small.Option)).SelectMany(small => new[] { small.Option, small.Value }), .. options];

    private static string[] Hashes(params string[] options)
    {
        CliRun run = Bench([.. options, "--json"]);
        Assert.That(run.Code, Is.Zero, run.Error);
        return [.. run.Json.GetProperty("results").EnumerateArray().Select(result => result.GetProperty("output_hash").GetString()!)];
    }

    private static string[] Names(JsonElement json) => [.. json.EnumerateObject().Select(property => property.Name)];
}
