using System.Diagnostics;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tokenization;
using static SoftThinking.Tests.Tokenization.TokenizerFixture;

namespace SoftThinking.Tests.Tokenization;

/// <summary>What a tokenizer.json may hold that this tokenizer would not reproduce, or that is damage.</summary>
[TestFixture]
public class TokenizerFileTests
{
    [TestCase("model.type", "\"WordPiece\"", "WordPiece")]
    [TestCase("model.type", "\"Unigram\"", "Unigram")]
    [TestCase("model.type", "7", "type")]
    [TestCase("model.byte_fallback", "true", "byte_fallback")]
    [TestCase("model.dropout", "0.1", "dropout")]
    [TestCase("model.continuing_subword_prefix", "\"##\"", "continuing_subword_prefix")]
    [TestCase("model.end_of_word_suffix", "\"</w>\"", "end_of_word_suffix")]
    [TestCase("model.ignore_merges", "\"yes\"", "ignore_merges")]
    [TestCase("model.vocab", "{\"a\": 0, \"b\": 0}", "same id")]
    [TestCase("model.vocab", "{\"a\": -1}", "id")]
    [TestCase("model.vocab", "{\"a\": 10000001}", "id")]
    [TestCase("model.vocab", "{\"a\": 1.5}", "id")]
    [TestCase("model.vocab", "{\"a\": 99999999999999}", "id")]
    [TestCase("model.vocab", "{\"a\": \"0\"}", "id")]
    [TestCase("model.vocab", "[]", "vocab")]
    [TestCase("model.vocab", "null", "vocab")]
    [TestCase("model.merges", "[\"h q\"]", "'hq'")]
    [TestCase("model.merges", "[\"zz h\"]", "'zz'")]
    [TestCase("model.merges", "[\"h e l\"]", "merge 0")]
    [TestCase("model.merges", "[[\"h\"]]", "merge 0")]
    [TestCase("model.merges", "[[\"h\", 3]]", "merge 0")]
    [TestCase("model.merges", "[3]", "merge 0")]
    [TestCase("model.merges", "{}", "merges")]
    [TestCase("model", "[]", "model")]
    [TestCase("model", "null", "model")]
    [TestCase("version", "\"2.0\"", "version")]
    [TestCase("version", "2", "version")]
    [TestCase("normalizer", "{\"type\": \"Lowercase\"}", "Lowercase")]
    [TestCase("normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"}]}", "NFKC")]
    [TestCase("normalizer", "{\"type\": \"Sequence\"}", "normalizers")]
    [TestCase("normalizer", "\"NFC\"", "normalizer")]
    [TestCase("pre_tokenizer", "null", "ByteLevel")]
    [TestCase("pre_tokenizer", "{\"type\": \"Metaspace\"}", "Metaspace")]
    [TestCase("pre_tokenizer", "{\"type\": \"ByteLevel\"}", "add_prefix_space")]
    [TestCase("post_processor", "{\"type\": \"RobertaProcessing\"}", "RobertaProcessing")]
    [TestCase("decoder", "null", "decoder")]
    [TestCase("decoder", "{\"type\": \"WordPiece\"}", "WordPiece")]
    [TestCase("added_tokens", "{}", "added_tokens")]
    [TestCase("added_tokens", "[3]", "added_tokens")]
    [TestCase("added_tokens", "[{\"id\": 260}]", "content")]
    [TestCase("added_tokens", "[{\"id\": 260, \"content\": \"<s>\"}]", "special")]
    public void Load_OfUnsupportedOrDamagedValue_NamesFileAndReason(string place, string value, string reason)
    {
        JsonObject json = Create();
        string[] names = place.Split('.');
        JsonObject parent = names.Length == 1 ? json : json[names[0]]!.AsObject();
        parent[names[^1]] = JsonNode.Parse(value);
        AssertRefused(json.ToJsonString(), reason);
    }

    [TestCase("", "JSON")]
    [TestCase("{", "JSON")]
    [TestCase("[]", "not an object")]
    [TestCase("3", "not an object")]
    [TestCase("{}", "model")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"\\ud800\": 0}, \"merges\": []}}", "Unicode")]
    [TestCase("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"a\": 1}, \"merges\": []}}", "twice")]
    public void Load_OfDamagedFile_NamesFileAndReason(string text, string reason) => AssertRefused(text, reason);

    [TestCase(260, "<s>", 260, "<q>", "261")]
    [TestCase(260, "<s>", 261, "<s>", "twice")]
    [TestCase(260, "<s>", 300, "<q>", "261")]
    [TestCase(12, "he", 260, "<q>", "256")]
    [TestCase(-1, "<s>", 261, "<q>", "id")]
    public void Load_OfAddedTokensWithImpossibleIds_IsRefused(
        int id1, string content1, int id2, string content2, string reason)
    {
        JsonObject json = Create();
        json["added_tokens"] = new JsonArray(AddedToken(id1, content1), AddedToken(id2, content2));
        AssertRefused(json.ToJsonString(), reason);
    }

    [Test]
    public void Load_OfAddedTokenOnAnIdOfTheVocabulary_IsRefused()
    {
        JsonObject json = Create();
        json["model"]!["vocab"]!.AsObject().Remove("x"); // 259 entries, but 259 is taken
        json["added_tokens"] = new JsonArray(AddedToken(259, "<s>"));
        AssertRefused(json.ToJsonString(), "another token");
    }

    [TestCase("\\p{Han}+", "Isolated", false, "Han")]
    [TestCase("a", "Dropped", false, "Dropped")]
    public void Load_OfUnsupportedSplit_IsRefused(string pattern, string behavior, bool invert, string reason)
    {
        JsonObject json = Create();
        JsonObject split = Split(pattern);
        split["behavior"] = behavior;
        split["invert"] = invert;
        json["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(split, ByteLevel(useRegex: false)),
        };
        AssertRefused(json.ToJsonString(), reason);
    }

    private static IEnumerable<TestCaseData> BadTemplates()
    {
        yield return Named("no text", Template(Special("<s>")), "leaves the text out");
        yield return Named("two texts", Template(Sequence("A"), Sequence("B")), "other texts");
        yield return Named("unknown token", Template(Special("<u>"), Sequence("A")), "'<u>'");
        yield return Named("empty piece", Template(new JsonObject()), "Sequence");
        JsonObject unknownId = Template(Special("<s>"), Sequence("A"));
        unknownId["special_tokens"]!["<s>"]!["ids"] = new JsonArray(5000);
        yield return Named("unknown id", unknownId, "5000");

        static TestCaseData Named(string name, JsonObject template, string reason) =>
            new TestCaseData(template, reason).SetArgDisplayNames(name);
    }

    [TestCaseSource(nameof(BadTemplates))]
    public void Load_OfUnsupportedTemplate_IsRefused(JsonObject template, string reason)
    {
        JsonObject json = Create();
        json["post_processor"] = template.DeepClone();
        AssertRefused(json.ToJsonString(), reason);
    }

    [Test]
    public void Load_OfUnknownToken_IsRefusedOnlyWhereItCouldBeUsed()
    {
        JsonObject json = Create();
        json["model"]!["unk_token"] = "<s>";
        Assert.That(() => Load(json), Throws.Nothing);
        json["added_tokens"] = new JsonArray();
        json["model"]!["vocab"]!.AsObject().Remove("x");
        AssertRefused(json.ToJsonString(), "unk_token");
    }

    [Test]
    public void Load_OfAbsentFile_SaysSo() =>
        Assert.That(() => Tokenizer.Load(Path.Combine(Path.GetTempPath(), "no such folder")),
            Throws.InstanceOf<ModelFileException>()
                .With.Message.Contains("tokenizer.json").And.Message.Contains("does not exist"));

    [Test]
    public void Load_OfAnyPrefixOfTheFile_FailsCleanly()
    {
        string whole = Create().ToJsonString();
        for (int length = 0; length < whole.Length; length += 97)
            AssertRefused(whole[..length], "JSON");
    }

    /// <summary>Holds in both modes; the next test runs it in the other one. Below U+0300 nothing composes.</summary>
    [Test]
    public void Encode_WithNfc_ComposesOrRefuses()
    {
        JsonObject json = Create();
        json["normalizer"] = new JsonObject { ["type"] = "NFC" };
        Tokenizer tokenizer = Load(json);
        Assert.That(tokenizer.Encode("a\u00E9", false), Is.EqualTo((int[])[0x61, 0xC3, 0xA9]));
        if (AppContext.TryGetSwitch("System.Globalization.Invariant", out bool invariant) && invariant
            || Environment.GetEnvironmentVariable("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT") is "1" or "true")
            Assert.That(() => tokenizer.Encode("e\u0301", false), Throws.InstanceOf<PlatformNotSupportedException>()
                .With.Message.Contains("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT").And.Message.Contains("U+0301"));
        else
            Assert.That(tokenizer.Encode("e\u0301", false), Is.EqualTo((int[])[0xC3, 0xA9]));
    }

    [Test]
    public void Encode_WithNfcButWithoutUnicodeData_IsRefused()
    {
        string test = $"{typeof(TokenizerFileTests).FullName}.{nameof(Encode_WithNfc_ComposesOrRefuses)}";
        var start = new ProcessStartInfo("dotnet")
        {
            ArgumentList =
            {
                "vstest", typeof(TokenizerFileTests).Assembly.Location,
                $"--TestCaseFilter:FullyQualifiedName={test}",
            },
            Environment = { ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1" },
            RedirectStandardOutput = true,
        };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, output);
        Assert.That(output, Does.Match(@"Passed:\s+1\b"), "the test ran");
    }

    private static void AssertRefused(string text, string reason) =>
        Assert.That(() => LoadText(text), Throws.InstanceOf<ModelFileException>()
            .With.Message.Contains("tokenizer.json").And.Message.Contains(reason));
}
