using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;
using static SoftThinking.Tests.Tokenization.TokenizerFixture;

namespace SoftThinking.Tests.Tokenization;

/// <summary>Tokenizers over characters, as in SentencePiece, beyond what the golden data shows.</summary>
[TestFixture]
public class CharacterTokenizerTests
{
    private static Tokenizer Open(string name) => Tokenizer.Load(Folder(name));

    private static string Folder(string name) => Path.Combine(TestData.RepositoryRoot, "tests", "data", "tokenizer-steps", name);

    [Test]
    public void Append_OfACharacterInBytes_ReturnsItWithTheLast_AndLeavesOutTheFirstSpace()
    {
        Tokenizer tokenizer = Open("prepend-bytes");
        int[] ids = tokenizer.Encode("解 解", addSpecialTokens: false);
        var decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: true, startsText: true);
        string[] first = [.. ids.Select(decoder.Append), decoder.Flush()];
        string[] again = [.. ids.Select(decoder.Append), decoder.Flush()];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(first, Is.EqualTo((string[])["", "", "", "解", " ", "", "", "解", ""]));
            Assert.That(again, Is.EqualTo(first), "usable again");
            Assert.That(tokenizer.Decode(ids, skipSpecialTokens: false), Is.EqualTo("解 解"));
        }
    }

    [Test]
    public void Append_OfTokensThatGoOnWithAText_KeepsTheSpace()
    {
        Tokenizer tokenizer = Open("prepend-bytes");
        int[] ids = tokenizer.Encode("Hello", addSpecialTokens: false);
        var decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: true, startsText: false);
        Assert.That(string.Concat(ids.Select(decoder.Append)), Is.EqualTo(" Hello"));
    }

    [Test]
    public void TokenText_KeepsTheSpaceThatDecodeLeavesOutOfTheFirstToken()
    {
        Tokenizer tokenizer = Open("prepend-bytes");
        int[] ids = tokenizer.Encode("Hello the ß", addSpecialTokens: false);
        int the = tokenizer.TokenId("▁the")!.Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.TokenText(the), Is.EqualTo(" the"));
            Assert.That(tokenizer.Decode([the], skipSpecialTokens: false), Is.EqualTo("the"));
            Assert.That(tokenizer.DecodeContinuation(ids), Is.EqualTo(" Hello the ß"));
            Assert.That(ids.Select(tokenizer.TokenText), Has.Exactly(2).EqualTo("\uFFFD"), "the bytes of ß");
            Assert.That(tokenizer.TokenText(-1), Is.Empty);
        }
    }

    [TestCase("prepend-bytes")]
    [TestCase("metaspace-first")]
    [TestCase("metaspace-always-split")]
    [TestCase("metaspace-never")]
    public void EncodeContinuation_PutsNoSpaceBeforeTheText_NorAfterAnAddedToken(string name)
    {
        Tokenizer tokenizer = Open(name);
        foreach (string text in (string[])["Hello", " Hello", "the</s>the", "\n", "解 解", "", " "])
            Assert.That(tokenizer.DecodeContinuation(tokenizer.EncodeContinuation(text)), Is.EqualTo(text));
    }

    /// <summary>Of the two spellings, a tokenizer that puts a space before every text finds both, and with the space none else.</summary>
    [Test]
    public void HesitationsAreFoundAsTheyStandInAText()
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder("prepend-bytes"), "tokenizer.json")))!.AsObject();
        json["model"]!["ignore_merges"] = true;
        json["model"]!["vocab"]!["Wait"] = 546;
        json["model"]!["vocab"]!["▁wait"] = 547;
        foreach (JsonNode? token in json["added_tokens"]!.AsArray().Skip(3))
            token!["id"] = token["id"]!.GetValue<int>() + 2;
        Assert.That(new TokenSets(Load(json)).Waits, Is.EqualTo((int[])[546, 547]));
    }

    /// <summary>A marker of several tokens has those that it has after a line; one that is an added token is that token, however it is matched in a text.</summary>
    [TestCase("<think>", "<think>")]
    [TestCase("<n>", "<n>")]
    public void AMarkerHasTheTokensThatItHasWithinAText(string marker, string text)
    {
        Tokenizer tokenizer = Open("prepend-bytes");
        int[] ids = ThinkingMarkers.Resolve(tokenizer, template: null, marker, null).Start!.Ids;
        Assert.That(tokenizer.DecodeContinuation(ids), Is.EqualTo(text));
        Assert.That(ids.Length == 1, Is.EqualTo(marker == "<n>"));
        ConceptToken[] prompt = [new(tokenizer.TokenId("<0x0A>")!.Value), .. ids.Select(id => new ConceptToken(id))];
        PromptEnd end = PromptEnd.OfTokens(prompt, ThinkingMarkers.Resolve(tokenizer, template: null, marker, null), tokenizer);
        Assert.That(end, Is.EqualTo(new PromptEnd(PromptState.Open, text)));
    }

    [TestCase("a")]
    [TestCase(" ")]
    [TestCase("解")]
    [TestCase("token")]
    [CancelAfter(60_000)]
    public void Encode_OfALongTextWithoutSpaces_EndsSoon(string unit, CancellationToken cancellation)
    {
        Tokenizer tokenizer = Open("prepend-bytes");
        string text = string.Concat(Enumerable.Repeat(unit, (1 << 20) / unit.Length));
        Task<int[]> encoding = Task.Run(() => tokenizer.Encode(text, addSpecialTokens: false), cancellation);
        encoding.Wait(cancellation);
        Assert.That(tokenizer.Decode(encoding.Result, skipSpecialTokens: false), Is.EqualTo(text));
    }

    [Test]
    [CancelAfter(60_000)]
    public void Encode_WithLineEnds_OfAMillionSpacesBeforeALetter_EndsSoon(CancellationToken cancellation)
    {
        Tokenizer tokenizer = Open("line-end");
        Task.Run(() => tokenizer.Encode(new string(' ', 1 << 20) + "x", addSpecialTokens: false), cancellation).Wait(cancellation);
    }

    [TestCase("model.unk_token", "\"<none>\"", "'<none>' is not in the vocabulary")]
    [TestCase("normalizer", """{"type": "Replace", "pattern": {"String": "``"}, "content": "x"}""", "only of one character by one")]
    [TestCase("normalizer", """{"type": "Replace", "pattern": {"Regex": " "}, "content": "x"}""", "has no 'String'")]
    [TestCase("pre_tokenizer", """{"type": "Metaspace", "replacement": "__"}""", "not one character")]
    [TestCase("pre_tokenizer", """{"type": "Metaspace", "replacement": "_", "prepend_scheme": "x"}""", "not always, first or never")]
    [TestCase("pre_tokenizer", """{"type": "Whitespace"}""", "'Whitespace' is not supported")]
    [TestCase("decoder", """{"type": "ByteLevel"}""", "without a ByteLevel pre-tokenizer")]
    [TestCase("decoder", """{"type": "Metaspace"}""", "'Metaspace' is not supported")]
    [TestCase("decoder", "null", "the decoder null")]
    [TestCase("decoder", """{"type": "Strip", "content": " ", "start": 1, "stop": 0}""", "does not follow Fuse")]
    [TestCase("decoder", """{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 1}]}""", "only for spaces where a text begins")]
    [TestCase("decoder", """{"type": "Sequence", "decoders": [{"type": "Fuse"}, {"type": "ByteFallback"}]}""", "in this order")]
    public void Load_OfAStepThatIsNotSupported_SaysWhich(string place, string value, string reason)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder("prepend-bytes"), "tokenizer.json")))!.AsObject();
        string[] names = place.Split('.');
        (names.Length == 1 ? json : json[names[0]]!.AsObject())[names[^1]] = JsonNode.Parse(value);
        Assert.That(() => Load(json), Throws.InstanceOf<ModelFileException>().With.Message.Contains("tokenizer.json").And.Message.Contains(reason));
    }
}
