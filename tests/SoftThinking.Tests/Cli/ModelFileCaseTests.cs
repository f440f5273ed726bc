using System.Text;
using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Tests.Cli;

/// <summary>Checkpoints whose files say things in unusual places, and what the command line makes of them.</summary>
public class ModelFileCaseTests
{
    [Test]
    public void AnEndOfTextOnlyInTheTokenizersConfigurationEndsTheText()
    {
        using CaseModel model = CaseModel.Of("E01");
        JsonElement answer = Ask(model, "--prompt", "What is 12 + 30?", "--max-new-tokens", "120");
        Assert.That(answer.GetProperty("finish_reason").GetString(), Is.EqualTo("stop"));
        Assert.That(answer.GetProperty("tokens").GetArrayLength(), Is.LessThan(120));
        Assert.That(EndsOf(model), Is.EqualTo(new[] { 450, 452 }));
    }

    [Test]
    public void TokensOnlyInTheTokenizersConfigurationAreRecognised()
    {
        using CaseModel model = CaseModel.Of("K20");
        Assert.That(PromptTokens(Ask(model, "--prompt", "What is 1 + 1?", "--no-soft-thinking", "--max-new-tokens", "2")), Is.EqualTo(18));
    }

    [TestCase(true, 9)]
    [TestCase(false, 8)]
    public void ABeginningOfTextIsAddedWhereTheConfigurationSaysSo(bool add, int expected)
    {
        using CaseModel model = CaseModel.Of("B13").Edit("tokenizer_config.json", config => config["add_bos_token"] = add);
        Assert.That(PromptTokens(Ask(model, "--raw", "--prompt", "What is 1 + 1?", "--max-new-tokens", "2")), Is.EqualTo(expected));
    }

    [Test]
    public void ABaseWithinRopeScalingIsUsed()
    {
        using CaseModel model = CaseModel.Of("B30"), moved = CaseModel.Copy().Edit("config.json", config => config["rope_theta"] = 50.0);
        string[] options = ["--prompt", "What is 12 + 30?", "--max-new-tokens", "8"];
        Assert.That(Inspect(model).GetProperty("rope").GetProperty("theta").GetDouble(), Is.EqualTo(50));
        Assert.That(TokensOf(Ask(model, options)), Is.EqualTo(TokensOf(Ask(moved, options))));
    }

    [Test]
    public async Task AModelWithoutAKnownEndOfTextIsWarnedAbout()
    {
        using CaseModel model = CaseModel.Copy()
            .Edit("config.json", config => config.Remove("eos_token_id"))
            .Edit("generation_config.json", config => config.Remove("eos_token_id"))
            .Edit("tokenizer_config.json", config => config.Remove("eos_token"));
        Assert.That(await WarningsOf(model), Has.One.Contains("names a token that ends a text").And.One.Contains(model.Path));
        Assert.That(EndsOf(model), Is.Empty);
        Assert.That(CliRun.Of("inspect", "--model", model.Path).Out, Does.Match("ends of text +NONE KNOWN: generation runs to its limit"));
    }

    [Test]
    public async Task TensorsThatNothingUsesAreListed()
    {
        using CaseModel model = CaseModel.Copy();
        AddTensors(model.InModel("model.safetensors"),
            "model.layers.0.self_attn.q_norm.weight", "lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq", "\\u001b[31mextra");
        string[] unused = [.. Inspect(model).GetProperty("unused_tensors").EnumerateArray().Select(name => name.GetString()!)];
        Assert.That(unused, Is.EqualTo(new[] { "\e[31mextra", "model.layers.0.self_attn.q_norm.weight" }));
        string text = CliRun.Of("inspect", "--model", model.Path).Out;
        Assert.That(text, Does.Match("unused tensors +2: .*extra model.layers.0.self_attn.q_norm.weight\n").And.Not.Contain('\e'));
        Assert.That(await WarningsOf(model), Has.One.Contains($"2 tensors of {model.Path} are not used").And.None.Contain('\e'));
    }

    [Test]
    public async Task TheDemonstrationModelIsLoadedWithoutWarnings()
    {
        using CaseModel model = CaseModel.Copy();
        Assert.That(await WarningsOf(model), Is.Empty);
        Assert.That(Inspect(model).GetProperty("unused_tensors").GetArrayLength(), Is.Zero);
        Assert.That(CliRun.Of("inspect").Out, Does.Match("unused tensors +none"));
    }

    [Test]
    public void ANameOnAHubIsAnsweredWithWhatToDo()
    {
        CliRun run = CliRun.Of("generate", "--model", "Qwen/Qwen3-8B", "--prompt", "x");
        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.StartWith("error: Qwen/Qwen3-8B: does not exist; nothing is downloaded: ").And.Contain("--local-dir Qwen3-8B"));
    }

    private static JsonElement Ask(CaseModel model, params string[] options)
    {
        CliRun run = CliRun.Of(["generate", "--model", model.Path, "--json", .. options]);
        Assert.That(run.Code, Is.Zero, run.Error);
        return run.Json;
    }

    private static JsonElement Inspect(CaseModel model)
    {
        CliRun run = CliRun.Of("inspect", "--model", model.Path, "--json");
        Assert.That(run.Code, Is.Zero, run.Error);
        return run.Json;
    }

    private static IEnumerable<int> EndsOf(CaseModel model) =>
        Inspect(model).GetProperty("generation_config").GetProperty("eos_token_id").EnumerateArray().Select(id => id.GetInt32());

    private static int PromptTokens(JsonElement answer) => answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();

    private static string TokensOf(JsonElement answer) => answer.GetProperty("tokens").GetRawText();

    private static async Task<string[]> WarningsOf(CaseModel model)
    {
        ListLogger logger = new();
        await using (Engine.Load(model.Path, new EngineOptions { Logger = logger, KvCacheBytes = 1 << 20 }))
            return [.. logger.Lines.Where(line => line.StartsWith("Warning", StringComparison.Ordinal))];
    }

    /// <summary>Appends tensors of one element to a safetensors file.</summary>
    private static void AddTensors(string path, params string[] names)
    {
        byte[] file = File.ReadAllBytes(path);
        int length = BitConverter.ToInt32(file);
        string header = Encoding.UTF8.GetString(file, 8, length).TrimEnd()[..^1];
        int end = file.Length - 8 - length;
        for (int i = 0; i < names.Length; i++)
            header += "," + Checkpoints.SafetensorsWriter.Entry(names[i], "F32", "1", end + 4 * i, end + 4 * i + 4);
        File.WriteAllBytes(path, Checkpoints.SafetensorsWriter.Compose(
            Encoding.UTF8.GetBytes(header + "}"), [.. file.AsSpan(8 + length), .. new byte[4 * names.Length]]));
    }
}
