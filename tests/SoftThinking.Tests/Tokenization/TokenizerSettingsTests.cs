using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Tokenization;
using static SoftThinking.Tests.Tokenization.TokenizerFixture;

namespace SoftThinking.Tests.Tokenization;

/// <summary>What the files beside tokenizer.json change, as in transformers.</summary>
[TestFixture]
public class TokenizerSettingsTests
{
    private const int New = Marker + 1; // the id that a further token gets

    private TempFolder _folder = null!;

    [SetUp]
    public void WriteTokenizer()
    {
        _folder = new TempFolder();
        _folder.Write("tokenizer.json", Create().ToJsonString());
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void AddedTokensDecoder_AddsTokensAndSetsFlags()
    {
        Tokenizer tokenizer = With("""
            {"added_tokens_decoder": {
              "263": {"content": "<b>"},
              "262": {"content": "<a>", "special": true},
              "261": {"content": "<t>", "special": true, "lstrip": true, "normalized": false}}}
            """);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Encode("<a><b> <t><s>", false), Is.EqualTo((int[])[262, 263, Marker, Start]));
            Assert.That(tokenizer.AddedTokens.Select(token => (token.Content, token.IsSpecial, token.IsNormalized)), Is.EqualTo(new[]
            {
                ("<s>", true, false), ("<t>", true, false), ("<a>", true, false), ("<b>", false, true),
            }));
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(264));
        }
    }

    [Test]
    public void AddedTokensDecoder_MakesAWordOfTheVocabularyAToken()
    {
        Tokenizer tokenizer = With("""{"added_tokens_decoder": {"258": {"content": "hell", "single_word": true, "normalized": false}}}""");
        Assert.That(tokenizer.Encode("hell shell", false), Is.EqualTo((int[])[Hell, ' ', 's', Hell]));
        Assert.That(tokenizer.AddedTokens.Single(token => token.Id == Hell).IsSingleWord);
    }

    [Test]
    public void AKnownToken_KeepsTheIdOfTokenizerJson() =>
        Assert.That(With("""{"added_tokens_decoder": {"7": {"content": "<t>"}}}""").Encode("<t>", false), Is.EqualTo((int[])[Marker]));

    [TestCase("""{"eos_token": "<t>"}""", true)]
    [TestCase("""{"eos_token": {"content": "<t>", "lstrip": false}}""", true)]
    [TestCase("""{"additional_special_tokens": ["<t>"]}""", true)]
    [TestCase("""{"extra_special_tokens": ["<t>"]}""", true)]
    [TestCase("""{"extra_special_tokens": {"thought_token": "<t>"}}""", true)]
    [TestCase("""{"other_token": "<t>"}""", false)]
    [TestCase("""{"eos_token": "<t>", "added_tokens_decoder": {"261": {"content": "<t>"}}}""", true)]
    [TestCase("""{"eos_token": "<t>", "added_tokens_decoder": {}}""", false)]
    [TestCase("""{"eos_token": null}""", false)]
    public void ASpecialTokenByName_IsSpecial(string config, bool special) =>
        Assert.That(With(config).IsSpecial(Marker), Is.EqualTo(special));

    [Test]
    public void ASpecialTokenThatIsNew_IsAdded()
    {
        Tokenizer tokenizer = With("""
            {"pad_token": "<p>", "bos_token": {"content": "he", "normalized": false}, "add_bos_token": true,
             "additional_special_tokens": ["<q>", {"content": "<r>", "rstrip": true}]}
            """);
        Assert.That(tokenizer.Encode("<q><r> <p>he", false), Is.EqualTo((int[])[New, New + 1, New + 2, He]));
        Assert.That(tokenizer.IsSpecial(He) && tokenizer.IsSpecial(New) && tokenizer.IsSpecial(New + 2));
    }

    [Test]
    public void OlderFiles_CountWithoutADecoder()
    {
        _folder.Write("added_tokens.json", """{"<b>": 263, "<a>": 262, "<t>": 5}""");
        _folder.Write("special_tokens_map.json", """{"eos_token": {"content": "<a>"}, "additional_special_tokens": ["<t>"]}""");
        Tokenizer tokenizer = With("""{"eos_token": "<s>"}""");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Encode("<a><b><t>", false), Is.EqualTo((int[])[262, 263, Marker]));
            Assert.That(tokenizer.EndId, Is.EqualTo(262), "special_tokens_map.json overrides tokenizer_config.json");
            Assert.That(tokenizer.IsSpecial(262) && tokenizer.IsSpecial(Marker));
            Assert.That(tokenizer.IsSpecial(263), Is.False);
        }
        Tokenizer newer = With("""{"eos_token": "<s>", "added_tokens_decoder": {}}""");
        Assert.That(newer.EndId, Is.EqualTo(Start));
        Assert.That(newer.TokenId("<a>"), Is.Null, "both files are copies then");
    }

    [TestCase("""{"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "add_bos_token": true}""", new[] { Start, He })]
    [TestCase("""{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>"}""", new[] { Start, He })]
    [TestCase("""{"tokenizer_class": "LlamaTokenizerFast"}""", new[] { Start, He })] // <s> is the default of the class
    [TestCase("""{"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "add_bos_token": false}""", new[] { He })]
    [TestCase("""{"tokenizer_class": "LlamaTokenizerFast", "eos_token": "<t>", "add_bos_token": false, "add_eos_token": true}""", new[] { He, Marker })]
    [TestCase("""{"tokenizer_class": "LlamaTokenizerFast", "eos_token": "<t>", "add_eos_token": true}""", new[] { Start, He, Marker })]
    [TestCase("""{"tokenizer_class": "Qwen2Tokenizer", "bos_token": "<s>", "add_bos_token": true}""", new[] { He, Start })]
    [TestCase("""{"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "add_bos_token": false}""", new[] { He, Start })]
    [TestCase("""{"tokenizer_class": "LlamaTokenizerFast", "bos_token": null}""", new[] { He, Start })]
    public void TheClass_DecidesOnTheEndsOfATextByItsFlags(string config, int[] expected)
    {
        JsonObject json = Create();
        json["post_processor"] = Template(Sequence("A"), Special("<s>"));
        _folder.Write("tokenizer.json", json.ToJsonString());
        Tokenizer tokenizer = With(config);
        Assert.That(tokenizer.Encode("he", true), Is.EqualTo(expected));
        Assert.That(tokenizer.Encode("he", false), Is.EqualTo((int[])[He]));
    }

    [TestCase("""{"add_prefix_space": true}""", new[] { SpaceHell })]
    [TestCase("""{"add_prefix_space": false}""", new[] { Hell })]
    public void ThePrefixSpace_IsThatOfTheConfiguration(string config, int[] expected) =>
        Assert.That(With(config).Encode("hell", false), Is.EqualTo(expected));

    [TestCase("tokenizer_config.json", """{"added_tokens_decoder": {"300": {"content": "<a>"}}}""", "tokenizer_config.json adds the token '<a>' with the id 300 where 262 is due")]
    [TestCase("added_tokens.json", """{"<a>": 300}""", "added_tokens.json adds the token '<a>' with the id 300 where 262 is due")]
    [TestCase("added_tokens.json", """{"<a>": "262"}""", "added_tokens.json: '<a>' must be an integer")]
    [TestCase("tokenizer_config.json", """{"added_tokens_decoder": {"x": {"content": "<a>"}}}""", "added_tokens_decoder.'x' is not a token id")]
    [TestCase("tokenizer_config.json", """{"added_tokens_decoder": {"262": "<a>"}}""", "added_tokens_decoder.'262' must be an object")]
    [TestCase("tokenizer_config.json", """{"added_tokens_decoder": {"262": {}}}""", "added_tokens_decoder.'262'.content is missing")]
    [TestCase("tokenizer_config.json", """{"added_tokens_decoder": {"262": {"content": "<a>", "special": 1}}}""", "'262'.special must be true or false")]
    [TestCase("tokenizer_config.json", """{"added_tokens_decoder": []}""", "added_tokens_decoder must be an object")]
    [TestCase("tokenizer_config.json", """{"additional_special_tokens": [3]}""", "additional_special_tokens has an entry that is not a token")]
    [TestCase("tokenizer_config.json", """{"extra_special_tokens": {"a": 3}}""", "extra_special_tokens.'a' is not a token")]
    [TestCase("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": true, "bos_token": null}""", "add_bos_token is true, but there is no bos_token")]
    [TestCase("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizerFast", "add_eos_token": true}""", "add_eos_token is true, but there is no eos_token")]
    [TestCase("tokenizer_config.json", """{"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": "yes"}""", "add_bos_token must be true or false")]
    [TestCase("tokenizer_config.json", """{"split_special_tokens": true}""", "split_special_tokens is true")]
    [TestCase("special_tokens_map.json", """{"eos_token": {"content": 3}}""", "special_tokens_map.json: eos_token.content must be a string")]
    public void AFileThatCannotBeRight_IsRefused(string file, string text, string reason)
    {
        _folder.Write(file, text);
        Assert.That(() => Tokenizer.Load(_folder.Path), Throws.InstanceOf<ModelFileException>().With.Message.Contains(reason));
    }

    private Tokenizer With(string config)
    {
        _folder.Write("tokenizer_config.json", config);
        return Tokenizer.Load(_folder.Path);
    }
}
