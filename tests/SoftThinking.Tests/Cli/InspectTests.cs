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

    [TestCase("bf16", 2)]
    [TestCase("f32", 4)]
    public void MemoryFollowsFromTheSizes(string dtype, int elementBytes)
    {
        JsonElement memory = CliRun.Of("inspect", "--json", "--kv-dtype", dtype).Json.GetProperty("memory");
        long perToken = 2 * 5 * 1 * 64 * elementBytes; // keys and values, layers, heads, head size

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
