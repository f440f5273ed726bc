using System.Text.Json.Nodes;
using NUnit.Framework;

namespace SoftThinking.Tests.Cli;

/// <summary>Bad input is one line on standard error that names the file and what is wrong, and exit code 1.</summary>
public class BadInputTests
{
    private string _model = null!;

    [SetUp]
    public void CopyModel()
    {
        _model = Directory.CreateTempSubdirectory("softthinking-").FullName;
        foreach (string file in Directory.GetFiles(TestData.TinyReasoner))
            File.Copy(file, Path.Combine(_model, Path.GetFileName(file)));
    }

    [TearDown]
    public void DeleteModel() => Directory.Delete(_model, recursive: true);

    [Test]
    public void TheCopyItselfIsFine() => Assert.That(Ask().Code, Is.Zero);

    [Test]
    public void MoreEntriesThanTheStrategyMixes()
    {
        CliRun run = CliRun.Ask("--strategy", "swireasoning", "--max-topk", "1024");
        Assert.That((run.Code, run.Error), Is.EqualTo((1, "error: --max-topk is 1024; the strategy swireasoning mixes at most 1023\n")));
    }

    [Test]
    public void MissingDirectory() => Fails(AskOf($"{_model}/absent"), $"{_model}/absent", "does not exist; nothing is downloaded");

    [Test]
    public void MissingWeights()
    {
        File.Delete(InModel("model.safetensors"));
        Fails(Ask(), _model, "model.safetensors");
    }

    [Test]
    public void TruncatedWeights()
    {
        using (FileStream file = File.OpenWrite(InModel("model.safetensors")))
            file.SetLength(file.Length / 2);
        Fails(Ask(), InModel("model.safetensors"), "cut short");
    }

    [Test]
    public void HeaderOfAbsurdSize()
    {
        using (FileStream file = File.OpenWrite(InModel("model.safetensors")))
            file.Write([255, 255, 255, 255, 255, 255, 255, 127]);
        Fails(Ask(), InModel("model.safetensors"), "header claims");
    }

    [Test]
    public void BrokenConfiguration()
    {
        File.WriteAllText(InModel("config.json"), "{\"architectures\": [");
        Fails(Ask(), InModel("config.json"), "JSON");
    }

    [Test]
    public void UnsupportedArchitecture()
    {
        Edit("config.json", config => config["architectures"] = new JsonArray("MambaForCausalLM"));
        Fails(Ask(), InModel("config.json"), "MambaForCausalLM");
    }

    [Test]
    public void MissingTensor()
    {
        Edit("config.json", config => config["num_hidden_layers"] = 6);
        Fails(Ask(), InModel("model.safetensors"), "model.layers.5.");
        Fails(CliRun.Of("inspect", "--model", _model), InModel("model.safetensors"), "model.layers.5.");
    }

    [Test]
    public void MissingTokenizer()
    {
        File.Delete(InModel("tokenizer.json"));
        Fails(Ask(), InModel("tokenizer.json"), "does not exist");
    }

    [Test]
    public void MissingTemplate()
    {
        Edit("tokenizer_config.json", config => config.Remove("chat_template"));
        Fails(Ask(), _model, "--raw");
        Assert.That(Ask("--raw").Code, Is.Zero);
    }

    [Test]
    public void TemplateThatRefuses()
    {
        Edit("tokenizer_config.json", config => config["chat_template"] = "\n{{ raise_exception('only tools, please') }}");
        Fails(Ask(), InModel("tokenizer_config.json"), "line 2", "only tools, please");
    }

    [Test]
    public void EmptyPrompt()
    {
        Fails(CliRun.Of("generate", "--prompt", ""), "the prompt is empty");
        Fails(CliRun.With("\n", "generate"), "the prompt is empty");
        Fails(CliRun.With("", "generate", "--raw"), "the prompt is empty");
    }

    [Test]
    public void PromptLongerThanTheContext() =>
        Fails(CliRun.Of("generate", "--prompt", string.Concat(Enumerable.Repeat("1 + ", 600))), "the prompt has", "context of 1024");

    [Test]
    public void PromptThatJustFits()
    {
        CliRun run = CliRun.Of("generate", "--json", "--raw", "--prompt", new string('1', 1023));

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Json.GetProperty("tokens").GetArrayLength(), Is.EqualTo(1));
        Assert.That(run.Json.GetProperty("finish_reason").GetString(), Is.EqualTo("length").Or.EqualTo("stop"));
    }

    [Test]
    public void PromptFileThatIsAbsent() =>
        Fails(CliRun.Of("generate", "--prompt-file", $"{_model}/absent.txt"), "--prompt-file", "absent.txt");

    [Test]
    public void TraceThatCannotBeWritten() => Fails(Ask("--trace", $"{_model}/absent/trace.jsonl"), "--trace", "absent");

    [Test]
    public void ThinkEndThatIsNoToken() => Fails(Ask("--think-end-str", "a marker of far more than sixteen tokens of this small vocabulary"), "'a marker of far more than sixteen tokens of this small vocabulary'", "must be 1 to 16");

    private string InModel(string file) => Path.Combine(_model, file);

    private void Edit(string file, Action<JsonObject> edit)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(InModel(file)))!.AsObject();
        edit(json);
        File.WriteAllText(InModel(file), json.ToJsonString());
    }

    private CliRun Ask(params string[] options) => AskOf(_model, options);

    private static CliRun AskOf(string model, params string[] options) =>
        CliRun.Of(["generate", "--model", model, "--prompt", "1 + 1", "--max-new-tokens", "2", .. options]);

    private static void Fails(CliRun run, params string[] parts)
    {
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.StartWith("error: ").And.Match(@"^[^\n]*\n$"), "one line");
        foreach (string part in parts)
            Assert.That(run.Error, Does.Contain(part));
        Assert.That(run.Out, Is.Empty);
    }
}
