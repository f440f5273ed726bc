using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Tokenization;

[TestFixture]
public class TekkenTests
{
    private const int Special = 20;

    [Test]
    public void Encode_MergesByRank_AndPutsSpecialTokensFirst()
    {
        Tokenizer tokenizer = Load(Create());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Encode("[INST]abcab x1", addSpecialTokens: true),
                Is.EqualTo((int[])[1, 3, Special + 258, Special + 256, Special + ' ', Special + 'x', Special + '1']));
            Assert.That(tokenizer.Decode(tokenizer.Encode("[INST]é abc😀", false), skipSpecialTokens: true), Is.EqualTo("é abc😀"));
            Assert.That(tokenizer.EndId, Is.EqualTo(2));
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(Special + 259), "the last token is beyond default_vocab_size");
        }
    }

    [Test]
    public void SpecialTokens_ThatAreListed_AreFilledUp()
    {
        JsonObject json = Create();
        json["special_tokens"] = new JsonArray(Listed(0, "<unk>"), Listed(1, "<s>"), Listed(2, "</s>"), Listed(3, "[THINK]", isControl: false));
        Tokenizer tokenizer = Load(json);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Encode("[THINK]<SPECIAL_4>", false), Is.EqualTo((int[])[3, 4]));
            Assert.That(tokenizer.IsSpecial(3), Is.False);
            Assert.That(tokenizer.IsSpecial(4), Is.True);
        }
    }

    [TestCase("config", "null", "'config'")]
    [TestCase("config.pattern", "\"(?<=a)b\"", "this kind of group")]
    [TestCase("config.default_vocab_size", "1000", "'vocab' has 260 tokens where 980 are due")]
    [TestCase("config.default_vocab_size", "10", "less than the 20 special tokens")]
    [TestCase("config.default_num_special_tokens", "-1", "default_num_special_tokens")]
    [TestCase("config.default_num_special_tokens", "5", "there are 20 special tokens")]
    [TestCase("vocab", "{}", "vocab")]
    [TestCase("special_tokens", """[{"rank": 1, "token_str": "<s>"}]""", "is 1 where 0 is due")]
    [TestCase("special_tokens", """[{"rank": 0, "token_str": "<s>"}, {"rank": 1, "token_str": "<s>"}]""", "the same text")]
    [TestCase("special_tokens", """[{"rank": 0, "token_str": ""}]""", "has no text")]
    [TestCase("special_tokens", "[]", "no special token <s>")]
    public void Load_OfADamagedValue_NamesFileAndReason(string place, string value, string reason)
    {
        JsonObject json = Create();
        string[] names = place.Split('.');
        (names.Length == 1 ? json : json[names[0]]!.AsObject())[names[^1]] = JsonNode.Parse(value);
        AssertRefused(json, reason);
    }

    [TestCase("rank", "7", "is 7 where 257 is due")]
    [TestCase("token_bytes", "\"??\"", "is not Base64")]
    [TestCase("token_bytes", "\"\"", "is not Base64")]
    [TestCase("token_bytes", "\"YWI=\"", "repeats an earlier one")]
    public void Load_OfADamagedToken_NamesIt(string name, string value, string reason)
    {
        JsonObject json = Create();
        json["vocab"]![257]![name] = JsonNode.Parse(value);
        AssertRefused(json, reason);
    }

    private static void AssertRefused(JsonObject json, string reason) =>
        Assert.That(() => Load(json), Throws.InstanceOf<ModelFileException>().With.Message.Contains("tekken.json").And.Message.Contains(reason));

    private static JsonObject Create()
    {
        JsonArray vocabulary = [];
        byte[][] tokens = [.. Enumerable.Range(0, 256).Select(value => new[] { (byte)value }), .. ((string[])["ab", "bc", "abc", "zz"]).Select(Encoding.UTF8.GetBytes)];
        foreach (byte[] bytes in tokens)
            vocabulary.Add(new JsonObject { ["rank"] = vocabulary.Count, ["token_bytes"] = Convert.ToBase64String(bytes), ["token_str"] = null });
        return new JsonObject
        {
            ["config"] = new JsonObject
            {
                ["pattern"] = @"\p{L}+|\p{N}|\s+",
                ["default_vocab_size"] = Special + 259,
                ["default_num_special_tokens"] = Special,
                ["version"] = "v3",
            },
            ["vocab"] = vocabulary,
        };
    }

    private static JsonObject Listed(int rank, string text, bool isControl = true) =>
        new() { ["rank"] = rank, ["token_str"] = text, ["is_control"] = isControl };

    private static Tokenizer Load(JsonObject json)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("tekken-test-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "tekken.json"), json.ToJsonString());
            return Tokenizer.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
