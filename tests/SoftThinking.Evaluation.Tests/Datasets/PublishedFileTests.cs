using System.Security.Cryptography;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Datasets;

namespace SoftThinking.Evaluation.Tests.Datasets;

/// <summary>The files that Soft Thinking was published with.</summary>
public class PublishedFileTests
{
    [TestCase("math500", 500, BenchmarkKind.Math)]
    [TestCase("aime2024", 30, BenchmarkKind.Math)]
    [TestCase("aime2025", 30, BenchmarkKind.Math)]
    [TestCase("amc23", 40, BenchmarkKind.Math)]
    [TestCase("gsm8k", 1319, BenchmarkKind.Math)]
    [TestCase("gpqa_diamond", 198, BenchmarkKind.Choice)]
    [TestCase("humaneval", 164, BenchmarkKind.HumanEval)]
    [TestCase("mbpp", 257, BenchmarkKind.Mbpp)]
    [TestCase("livecodebench", 279, BenchmarkKind.LiveCodeBench)]
    public void EveryItem_LoadsAndRenders(string name, int count, BenchmarkKind kind)
    {
        string path = SharedFiles.Dataset(name);
        JsonArray written = JsonNode.Parse(File.ReadAllText(path))!.AsArray();
        Dataset dataset = KnownBenchmarks.Load(name, Path.GetDirectoryName(path)!);
        Assert.That(dataset, Has.Property(nameof(Dataset.Name)).EqualTo(name).And.Property(nameof(Dataset.Kind)).EqualTo(kind));
        Assert.That(dataset.Sha256, Is.EqualTo(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))));
        Assert.That(dataset.Items.Select(item => item.Index), Is.EqualTo(Enumerable.Range(0, count)));
        foreach (BenchmarkItem item in dataset.Items)
        {
            string prompt = BenchmarkPrompt.For(kind, item);
            Assert.That(item.Question, Is.EqualTo((string)written[item.Index]!["prompt"]![0]!["value"]!));
            Assert.That(JsonNode.DeepEquals(item.Reference, written[item.Index]!["final_answer"]), $"item {item.Index}");
            Assert.That(prompt, Does.Contain(item.Question).And.Length.GreaterThan(item.Question.Length + 50));
            Assert.That(prompt, Does.Not.Contain("{question}").And.Not.Contain("{tests}").And.Not.Contain("{starter}"));
        }
    }

    [Test]
    public void EveryTestOfMbpp_IsInThePrompt()
    {
        foreach (BenchmarkItem item in Load("mbpp").Items)
        {
            string prompt = BenchmarkPrompt.For(BenchmarkKind.Mbpp, item);
            Assert.That(item.Reference["test_list"]!.AsArray().Select(test => (string)test!), Has.All.Matches<string>(test => prompt.Contains(test!, StringComparison.Ordinal)));
        }
    }

    [Test]
    public void ProgramsOfLiveCodeBench_ReadInputUnlessThereIsStarterCode()
    {
        Dataset dataset = Load("livecodebench");
        int starters = 0;
        foreach (BenchmarkItem item in dataset.Items)
        {
            string prompt = BenchmarkPrompt.For(BenchmarkKind.LiveCodeBench, item), starter = (string)item.Reference["starter_code"]!;
            starters += starter == "" ? 0 : 1;
            Assert.That(prompt, starter == "" ? Does.Contain("# YOUR CODE HERE").And.Contain("stdin") : Does.Contain($"```python\n{starter}\n```"));
        }
        Assert.That(starters, Is.EqualTo(104));
    }

    [Test]
    public void Options_StandInTheQuestionAsLinesWithTheirLetters()
    {
        foreach (BenchmarkItem item in Load("gpqa_diamond").Items)
            Assert.That(item.Choices!.Keys, Is.EquivalentTo(new[] { "A", "B", "C", "D" }));
    }

    [Test]
    public void ANamedDataSetThatIsAbsent_NamesTheOptionAndTheFile()
    {
        DatasetException error = Assert.Throws<DatasetException>(() => KnownBenchmarks.Load("gsm8k", "no-such-directory"))!;
        Assert.That(error.Message, Does.Contain(Path.Combine("no-such-directory", "gsm8k.json")).And.Contain("--datasets"));
    }

    private static Dataset Load(string name) => BenchmarkFile.Load(SharedFiles.Dataset(name), name);
}
