using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`inspect` on the demonstration model and on small models of other architectures.</summary>
public class InspectTests
{
    [Test]
    public void JsonHasTheFacts()
    {
        CliRun run = CliRun.Of("inspect", "--json");

        Assert.That(run.Code, Is.Zero, run.Error);
        JsonElement json = run.Json;
        Assert.That(json.GetProperty("architecture").GetString(), Is.EqualTo("Qwen2"));
        Assert.That(json.GetProperty("layers").GetInt32(), Is.EqualTo(5));
        Assert.That(json.GetProperty("parameters").GetInt64(), Is.EqualTo(2_057_152));
        Assert.That(json.GetProperty("dtypes").EnumerateArray().Single().GetString(), Is.EqualTo("BF16"));
        Assert.That(json.GetProperty("context").GetInt32(), Is.EqualTo(1024));
        JsonElement tokenizer = json.GetProperty("tokenizer");
        Assert.That(tokenizer.GetProperty("vocabulary_size").GetInt32(), Is.EqualTo(455));
        Assert.That(tokenizer.GetProperty("added_tokens").GetProperty("</think>").GetInt32(), Is.EqualTo(454));
        JsonElement template = json.GetProperty("chat_template");
        Assert.That(template.GetProperty("opens_thought").GetBoolean());
        Assert.That(template.GetProperty("think_end_tokens").GetInt32(), Is.EqualTo(1));
        JsonElement defaults = json.GetProperty("generation_config");
        Assert.That(defaults.GetProperty("eos_token_id").GetRawText().Where(char.IsDigit), Is.EqualTo("452450"));
        Assert.That(defaults.GetProperty("top_k").GetInt32(), Is.EqualTo(30));
    }

    [TestCase("bf16", 2 * 64)]
    [TestCase("f32", 4 * 64)]
    [TestCase("int8", 64 + 4)] // and a scale
    public void MemoryFollowsFromTheSizes(string dtype, int headBytes)
    {
        JsonElement memory = CliRun.Of("inspect", "--json", "--kv-dtype", dtype).Json.GetProperty("memory");
        long perToken = 2 * 5 * 1 * headBytes; // keys and values, layers, heads

        Assert.That(memory.GetProperty("kv_per_token").GetInt64(), Is.EqualTo(perToken));
        Assert.That(memory.GetProperty("kv_full_context").GetInt64(), Is.EqualTo(1024 * perToken));
        Assert.That(memory.GetProperty("stored").GetInt64(), Is.EqualTo(2 * 2_057_152));
        Assert.That(memory.GetProperty("weights").GetInt64(), Is.GreaterThanOrEqualTo(2 * 2_057_152));
        Assert.That(memory.GetProperty("needed").GetInt64(), Is.EqualTo(memory.GetProperty("weights").GetInt64()
            + memory.GetProperty("kv_full_context").GetInt64() + memory.GetProperty("work").GetInt64()));
    }

    [TestCase("qwen2", "Qwen2")]
    [TestCase("qwen3", "q/k norms")]
    [TestCase("llama3-rope", "llama3, factor")]
    [TestCase("llama", "Llama")]
    public void OtherArchitectures(string name, string expected)
    {
        CliRun run = CliRun.Of("inspect", "--model", Path.Combine(TestData.FindGolden("forward")!, name));

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Contain(expected));
    }

    [Test]
    public void SaysWhichLayersSlide()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("softthinking-");
        try
        {
            string model = SlidingLayers.Write(TestData.TinyReasoner, folder.FullName, window: 300);
            Assert.That(CliRun.Of("inspect", "--model", model).Out, Does.Contain("300 tokens in 4 of 5 layers: 1, 2, 3, 4"));
            JsonElement json = CliRun.Of("inspect", "--model", model, "--json").Json;
            Assert.That(json.GetProperty("sliding_window").GetInt32(), Is.EqualTo(300));
            Assert.That(json.GetProperty("sliding_layers").EnumerateArray().Select(layer => layer.GetInt32()), Is.EqualTo(new[] { 1, 2, 3, 4 }));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Rows of the golden model are not whole blocks.</summary>
    [TestCase("tiny-reasoner")]
    [TestCase("qwen2")]
    public void ARoundedCheckpointHasTheParametersOfTheOriginal(string name)
    {
        using TempFolder folder = new();
        string model = name == "qwen2" ? Path.Combine(TestData.FindGolden("forward")!, name) : TestData.TinyReasoner;
        QuantizationReport report = ModelQuantization.Quantize(model, folder.File("int8"));
        JsonElement before = CliRun.Of("inspect", "--model", model, "--json").Json, after = CliRun.Of("inspect", "--model", folder.File("int8"), "--json").Json;

        Assert.That(after.GetProperty("parameters").GetInt64(), Is.EqualTo(before.GetProperty("parameters").GetInt64()));
        Assert.That(after.GetProperty("dtypes").EnumerateArray().Select(dtype => dtype.GetString()), Is.EqualTo(new[] { "BF16", "INT8_BLOCKS" }));
        Assert.That(after.GetProperty("memory").GetProperty("stored").GetInt64(), Is.EqualTo(report.BytesAfter));
        Assert.That(after.GetProperty("memory").GetProperty("weights").GetInt64(), Is.LessThan(before.GetProperty("memory").GetProperty("weights").GetInt64()));
    }

    [TestCase("forward/qwen2", "every layer         full attention, RoPE theta 10000, dense")]
    [TestCase("forward/llama3-rope", "every layer         full attention, RoPE theta 500000, llama3, factor 8")]
    [TestCase("families/qwen3-moe", "layers alike        0, 2: full attention, RoPE theta 1000000, q/k norm per head, 8 experts of which 3\n",
        "layers alike        1: full attention, RoPE theta 1000000, q/k norm per head, dense\n")]
    [TestCase("families/qwen3-moe-step2", "layers alike        0: full attention, RoPE theta 1000000, q/k norm per head, dense",
        "layers alike        1: full attention, RoPE theta 1000000, q/k norm per head, 6 experts of which 2")]
    [TestCase("families/smollm3", "layers alike        0, 2-3: full attention, RoPE theta 5000000, dense\n", "layers alike        1: full attention, no RoPE, dense\n")]
    [TestCase("families/olmo3", "layers alike        0-2: attention over a window of ", "layers alike        3: full attention, RoPE theta ", "q/k norm of all heads, dense")]
    [TestCase("formats/fp8-block-qwen3", "F8_E4M3 (fp8, scales: blocks of 128 x 128) in 13 of 14 matrices, BF16 in 1 of 14 matrices; embedding BF16\n")]
    [TestCase("formats/ct-float-quantized", "F8_E4M3 (compressed-tensors, scales: one for each row) in 13 of 14 matrices, BF16 in 1 of 14 matrices; embedding BF16, LM head BF16\n")]
    public void LayersAndTheirFormatAreDescribed(string name, params string[] lines)
    {
        if (TestData.FindGolden(name.Split('/')[0]) is not string folder)
        {
            Assert.Ignore($"no golden data {name}");
            return;
        }
        CliRun run = CliRun.Of("inspect", "--model", Path.Combine(folder, name.Split('/')[1]));
        Assert.That(run.Code, Is.Zero, run.Error);
        foreach (string line in lines)
            Assert.That(run.Out, Does.Contain(line));
    }

    [Test]
    public void JsonHasTheRunsOfLayers()
    {
        if (TestData.FindGolden("families") is not string folder)
        {
            Assert.Ignore("no golden data of families");
            return;
        }
        JsonElement olmo = CliRun.Of("inspect", "--json", "--model", Path.Combine(folder, "olmo3")).Json;
        JsonElement[] runs = [.. olmo.GetProperty("layer_runs").EnumerateArray()];
        Assert.That(runs.Select(run => (run.GetProperty("first").GetInt32(), run.GetProperty("last").GetInt32(), run.GetProperty("attention").GetString())),
            Is.EqualTo(new[] { (0, 2, "window"), (3, 3, "full") }));
        Assert.That(runs[0].GetProperty("window").GetInt32(), Is.EqualTo(olmo.GetProperty("sliding_window").GetInt32()));
        Assert.That(runs[1].GetProperty("qk_norm").GetString(), Is.EqualTo("of all heads"));
        JsonElement moe = CliRun.Of("inspect", "--json", "--model", Path.Combine(folder, "qwen3-moe-step2")).Json.GetProperty("layer_runs");
        Assert.That(moe.EnumerateArray().Select(run => (run.GetProperty("experts").GetInt32(), run.GetProperty("experts_per_token").GetInt32())),
            Is.EqualTo(new[] { (0, 0), (6, 2) }));
        JsonElement smol = CliRun.Of("inspect", "--json", "--model", Path.Combine(folder, "smollm3")).Json.GetProperty("layer_runs")[1];
        Assert.That((smol.GetProperty("rope").ValueKind, smol.GetProperty("qk_norm").ValueKind), Is.EqualTo((JsonValueKind.Null, JsonValueKind.Null)));
    }

    /// <summary>Stored bits, scales included, for each weight: 16 of bf16; of 8-bit blocks 8.5; of 8-bit floats 8 and a scale a row.</summary>
    [Test]
    public void BitsPerWeightIncludeScales()
    {
        using TempFolder folder = new();
        QuantizationReport int8 = ModelQuantization.Quantize(TestData.TinyReasoner, folder.File("int8"));
        QuantizationReport fp8 = ModelQuantization.Quantize(TestData.TinyReasoner, folder.File("fp8"), WeightFormat.Fp8);
        Assert.That(Bits(TestData.TinyReasoner), Is.EqualTo(16));
        Assert.That(Bits(folder.File("int8")), Is.EqualTo(8.0 * int8.BytesAfter / 2_057_152).Within(5e-4).And.InRange(8.5, 8.6));
        Assert.That(Bits(folder.File("fp8")), Is.EqualTo(8.0 * fp8.BytesAfter / 2_057_152).Within(5e-4).And.InRange(8, 9));

        static double Bits(string model) => CliRun.Of("inspect", "--json", "--model", model).Json.GetProperty("bits_per_weight").GetDouble();
    }

    [TestCase("families/gpt-oss", "names 'GptOssForCausalLM'; supported are Qwen2ForCausalLM, ")]
    [TestCase("formats/awq-g128", "(method 'awq'); supported are fp8 and compressed-tensors with the format float-quantized")]
    [TestCase("formats/ct-pack-quantized-symmetric", "format is 'pack-quantized'; supported is float-quantized")]
    [TestCase("formats/gptq-v2", "(method 'gptq'); supported are")]
    [TestCase("formats/gguf-llama-q8_0", "the directory holds neither model.safetensors nor model.safetensors.index.json")]
    public void WhatIsNotSupportedIsNamed(string name, string reason)
    {
        if (TestData.FindGolden(name.Split('/')[0]) is not string folder)
        {
            Assert.Ignore($"no golden data {name}");
            return;
        }
        CliRun run = CliRun.Of("inspect", "--model", Path.Combine(folder, name.Split('/')[1]));
        Assert.That((run.Code, run.Out), Is.EqualTo((1, "")));
        Assert.That(run.Error, Does.StartWith("error: ").And.Contain(reason));
    }

    [Test]
    public void PlainTextIsAligned()
    {
        CliRun run = CliRun.Of("inspect");

        Assert.That(run.Out, Does.Not.Contain('\e').And.Not.Contain("│"));
        string[] rows = [.. run.Out.Split('\n').Where(line => line.StartsWith("  ", StringComparison.Ordinal))];
        Assert.That(rows, Has.Length.GreaterThan(20));
        Assert.That(rows, Has.All.Match(@"^  .{18}  \S"));
    }

    [Test]
    public void ATerminalGetsTables()
    {
        using StringWriter output = new(), error = new();
        CliRun run = CliRun.Run(null, output, error, ["inspect"], style: true);

        Assert.That(run.Out, Does.Contain("│").And.Contain("\e[").And.Contain("2,057,152"));
    }

    [Test]
    public void AMissingModelIsAnError()
    {
        CliRun run = CliRun.Of("inspect", "--model", "no-such-model");

        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.StartWith("error: no-such-model: "));
    }
}
