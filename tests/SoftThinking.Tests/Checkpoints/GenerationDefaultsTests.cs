using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

internal sealed class GenerationDefaultsTests
{
    private static readonly ModelConfig Config = ModelConfig.Load(Path.Combine(TestData.TinyReasoner, "config.json"));

    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void The_demonstration_model_recommends_its_settings()
    {
        GenerationDefaults defaults =
            GenerationDefaultsReader.Load(Path.Combine(TestData.TinyReasoner, "generation_config.json"), Config);
        Assert.That(defaults with { EosIds = [] }, Is.EqualTo(
            new GenerationDefaults { Temperature = 0.6, TopP = 0.95, TopK = 30, DoSample = true, EosIds = [] }));
        Assert.That(defaults.EosIds, Is.EqualTo([452, 450]), "this file's list wins over config.json's 452");
    }

    [Test]
    public void An_absent_file_leaves_everything_open()
    {
        GenerationDefaults defaults = GenerationDefaultsReader.Load(_folder.File("generation_config.json"), Config);
        Assert.That(defaults with { EosIds = [] }, Is.EqualTo(new GenerationDefaults { EosIds = [] }));
        Assert.That(defaults.EosIds, Is.EqualTo([452]));
    }

    [Test]
    public void Every_key_is_read()
    {
        GenerationDefaults defaults = Load("""
            {"temperature":0,"top_p":1,"top_k":-1,"min_p":0.05,"repetition_penalty":1.1,"do_sample":false,
             "eos_token_id":null,"transformers_version":"4.51.0"}
            """);
        Assert.That(defaults with { EosIds = [] }, Is.EqualTo(new GenerationDefaults
        {
            Temperature = 0,
            TopP = 1,
            TopK = 0,
            MinP = 0.05,
            RepetitionPenalty = 1.1,
            DoSample = false,
            EosIds = [],
        }));
        Assert.That(defaults.EosIds, Is.EqualTo([452]));
        Assert.That(Load("""{"eos_token_id":7}""").EosIds, Is.EqualTo([7]));
    }

    [TestCase("""{"temperature":-0.1}""", "temperature must be at least 0")]
    [TestCase("""{"temperature":"hot"}""", "temperature must be a number")]
    [TestCase("""{"top_p":0}""", "top_p must be above 0")]
    [TestCase("""{"top_p":1.5}""", "top_p must be above 0 and at most 1")]
    [TestCase("""{"top_k":-2}""", "top_k")]
    [TestCase("""{"top_k":1.5}""", "top_k must be an integer")]
    [TestCase("""{"min_p":2}""", "min_p must be at least 0 and at most 1")]
    [TestCase("""{"repetition_penalty":0}""", "repetition_penalty must be above 0")]
    [TestCase("""{"do_sample":"yes"}""", "do_sample must be true or false")]
    [TestCase("""{"eos_token_id":[455]}""", "eos_token_id must be from 0 to 454")]
    [TestCase("""{"temperature":""", "broken JSON")]
    [TestCase("""7""", "one JSON object")]
    public void What_cannot_be_right_is_refused(string text, string expected)
    {
        ModelFileException e = Assert.Throws<ModelFileException>(() => Load(text))!;
        Assert.That(e.File, Is.EqualTo(_folder.File("generation_config.json")));
        Assert.That(e.Message, Does.Contain(expected));
    }

    private GenerationDefaults Load(string text) =>
        GenerationDefaultsReader.Load(_folder.Write("generation_config.json", text), Config);
}
