using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tokenization;
using static SoftThinking.Tests.Tokenization.TokenizerFixture;

namespace SoftThinking.Tests.Tokenization;

[TestFixture]
public class TokenizerTests
{
    private static int[] Ids(JsonObject json, string text, bool special = false) => Load(json).Encode(text, special);

    private static IEnumerable<string> CheckpointFolders() =>
        Directory.GetDirectories(Path.Combine(TestData.RepositoryRoot, "tests", "data", "forward")).Order()
            .Append(TestData.TinyReasoner);

    [TestCaseSource(nameof(CheckpointFolders))]
    public void Load_OfCheckpointInRepository_RoundTripsText(string folder)
    {
        Tokenizer tokenizer = Tokenizer.Load(folder);
        const string Text = "Eva has 9 apples, it's 10\n\n  więcej 日本語 😀 <think>x</think>";
        int[] ids = tokenizer.Encode(Text, addSpecialTokens: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Decode(ids, skipSpecialTokens: false), Is.EqualTo(Text));
            Assert.That(ids, Does.Contain(tokenizer.TokenId("<think>")).And.Contain(tokenizer.TokenId("</think>")));
            Assert.That(ids, Is.All.InRange(0, tokenizer.VocabularySize - 1));
        }
    }

    [Test]
    public void Description_OfTinyReasoner_SaysWhatItIs()
    {
        Tokenizer tokenizer = Tokenizer.Load(TestData.TinyReasoner);
        int marker = tokenizer.TokenId("</think>")!.Value;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Kind, Is.EqualTo("byte-level BPE"));
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(455));
            Assert.That(tokenizer.MergeCount, Is.EqualTo(194));
            Assert.That(tokenizer.Normalizer, Is.EqualTo("NFC"));
            Assert.That(tokenizer.PreTokenizer, Is.EqualTo("Qwen2"));
            Assert.That(tokenizer.AddedTokens.Select(token => token.Content),
                Is.EqualTo((string[])["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>"]));
            Assert.That(tokenizer.IsSpecial(tokenizer.TokenId("<|im_end|>")!.Value), Is.True);
            Assert.That(tokenizer.IsSpecial(marker), Is.False);
            Assert.That(Encoding.UTF8.GetString(tokenizer.TokenBytes(marker)), Is.EqualTo("</think>"));
        }
    }

    [Test]
    public void Encode_MergesByRank()
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ids(Create(), "hell hell he"), Is.EqualTo((int[])[Hell, SpaceHell, ' ', He]));
            Assert.That(Ids(Create(), "lll"), Is.EqualTo((int[])[Ll, 'l']), "the leftmost of equal ranks first");
            Assert.That(Ids(Create(), ""), Is.Empty);
        }
    }

    [Test]
    public void Encode_OfMergesAsArrays_IsTheSame()
    {
        JsonObject json = Create();
        json["model"]!["merges"] = new JsonArray(
            new JsonArray("h", "e"), new JsonArray("l", "l"), new JsonArray("he", "ll"));
        Assert.That(Ids(json, "hell"), Is.EqualTo((int[])[Hell]));
    }

    [Test]
    public void Encode_OfWordThatIsAToken_FollowsIgnoreMerges()
    {
        const int Unreachable = 260;
        JsonObject json = Create();
        json["added_tokens"] = new JsonArray();
        json["model"]!["vocab"]!["lle"] = Unreachable; // no merges lead here
        int[] merged = Ids(json, "lle");
        json["model"]!["ignore_merges"] = true;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(merged, Is.EqualTo((int[])[Ll, 'e']));
            Assert.That(Ids(json, "lle"), Is.EqualTo((int[])[Unreachable]));
        }
    }

    [Test]
    public void Encode_RecognisesAddedTokensWithAndWithoutTemplate()
    {
        JsonObject json = Create();
        json["post_processor"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["processors"] = new JsonArray(ByteLevel(), Template(Special("<s>"), Sequence("A"), Special("<s>"))),
        };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ids(json, "he<t><s>"), Is.EqualTo((int[])[He, Marker, Start]));
            Assert.That(Ids(json, "he<t><s>", special: true), Is.EqualTo((int[])[Start, He, Marker, Start, Start]));
        }
    }

    [Test]
    public void Encode_OfOverlappingAddedTokens_PrefersLeftmostThenLongest()
    {
        JsonObject json = Create();
        json["added_tokens"] = new JsonArray(
            AddedToken(260, "ab"), AddedToken(261, "abc"), AddedToken(262, "bcd"), AddedToken(263, "xy"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ids(json, "abcd"), Is.EqualTo((int[])[261, 'd']));
            Assert.That(Ids(json, "abd"), Is.EqualTo((int[])[260, 'd']));
            Assert.That(Ids(json, "bcdxy"), Is.EqualTo((int[])[262, 263]));
        }
    }

    [TestCase("lstrip", "h \t<x> h", new[] { 'h', 260, ' ', 'h' })]
    [TestCase("rstrip", "h <x> \u3000h", new[] { 'h', ' ', 260, 'h' })]
    [TestCase("single_word", "h<x> <x>", new[] { 'h', '<', 'x', '>', ' ', 260 })]
    [TestCase("single_word", "<x>_", new int[] { '<', 'x', '>', '_' })]
    [TestCase("single_word", "-<x>-", new[] { '-', 260, '-' })]
    public void Encode_OfAddedToken_FollowsItsFlag(string flag, string text, int[] expected)
    {
        JsonObject json = Create();
        json["added_tokens"] = new JsonArray(AddedToken(260, "<x>", flag));
        Assert.That(Ids(json, text), Is.EqualTo(expected));
    }

    [TestCase(true, "e\u0301!", true)]
    [TestCase(true, "\u00E9!", true)]
    [TestCase(false, "e\u0301!", false)]
    [TestCase(false, "\u00E9!", true)]
    public void Encode_OfAddedToken_SearchesBeforeOrAfterNormalization(bool normalized, string text, bool found)
    {
        JsonObject json = Create();
        json["normalizer"] = new JsonObject { ["type"] = "NFC" };
        json["added_tokens"] = new JsonArray(AddedToken(260, "\u00E9!", normalized ? ["normalized"] : []));
        Assert.That(Ids(json, text).Contains(260), Is.EqualTo(found));
    }

    /// <summary>To sort a million of them takes hours.</summary>
    [TestCase(500, 0, false)]
    [TestCase(500, 1, true)]
    [TestCase(500_000, 0, true)]
    public void Encode_RefusesCombiningMarksWithoutEnd(int pairs, int more, bool refused)
    {
        JsonObject json = Create();
        json["normalizer"] = new JsonObject { ["type"] = "NFC" };
        string marks = string.Concat(Enumerable.Repeat("\u0301\u0327", pairs)) + new string('\u0301', more);
        Assert.That(() => Ids(json, $"e{marks}e{marks}"), refused
            ? Throws.ArgumentException.With.Message.StartsWith("the text has more than 1000 combining marks in a row")
            : Throws.Nothing);
    }

    [Test]
    public void Encode_ComposesOnlyWhereTheNormalizerSaysSo()
    {
        JsonObject composing = Create();
        composing["normalizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["normalizers"] = new JsonArray(new JsonObject { ["type"] = "NFC" }),
        };
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ids(composing, "e\u0301"), Is.EqualTo((int[])[0xC3, 0xA9]));
            Assert.That(Ids(Create(), "e\u0301"), Is.EqualTo((int[])['e', 0xCC, 0x81]));
            // .NET refuses to normalize a text with U+FFFE.
            Assert.That(Ids(composing, "e\u0301\uFFFEe\u0301"),
                Is.EqualTo((int[])[0xC3, 0xA9, 0xEF, 0xBF, 0xBE, 0xC3, 0xA9]));
        }
    }

    [Test]
    public void Encode_WithPrefixSpace_PutsOneBeforeEveryStretchOfText()
    {
        JsonObject json = Create();
        json["pre_tokenizer"] = ByteLevel(addPrefixSpace: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Ids(json, "hell<t>hell"), Is.EqualTo((int[])[SpaceHell, Marker, SpaceHell]));
            Assert.That(Ids(json, " hell"), Is.EqualTo((int[])[SpaceHell]));
            Assert.That(Ids(json, ""), Is.Empty);
        }
    }

    [Test]
    public void Encode_OfLoneSurrogates_ReadsReplacementCharacters()
    {
        Tokenizer tokenizer = Load(Create());
        int[] replacement = tokenizer.Encode("\uFFFD", false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Encode("\uD83D", false), Is.EqualTo(replacement));
            Assert.That(tokenizer.Encode("\uDE00", false), Is.EqualTo(replacement));
            Assert.That(tokenizer.Encode("\uDE00\uD83D\uDE00\uD83D", false),
                Is.EqualTo(tokenizer.Encode("\uFFFD\U0001F600\uFFFD", false)));
        }
    }

    [Test]
    public void Encode_OfByteWithoutToken_LeavesItOut()
    {
        JsonObject json = Create();
        json["added_tokens"] = new JsonArray();
        json["model"]!["vocab"]!.AsObject().Remove("x");
        Assert.That(Ids(json, "hxexll"), Is.EqualTo((int[])[Hell]));
    }

    [Test]
    public void Decode_OfInvalidBytes_ReplacesAsRustDoes()
    {
        Tokenizer tokenizer = Load(Create());
        string Text(params int[] ids) => tokenizer.Decode(ids, skipSpecialTokens: false);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Text(0xE2, 0x82, 'A'), Is.EqualTo("\uFFFDA"));
            Assert.That(Text(0xF0, 0x80, 0x80), Is.EqualTo("\uFFFD\uFFFD\uFFFD"));
            Assert.That(Text(0xED, 0xA0, 0x80), Is.EqualTo("\uFFFD\uFFFD\uFFFD"));
            Assert.That(Text(0xF0, 0x9F, 0x98), Is.EqualTo("\uFFFD"));
            Assert.That(Text(0xEF, 0xBB, 0xBF, 'A'), Is.EqualTo("\uFEFFA"), "a byte order mark is text");
        }
    }

    [Test]
    public void Decode_OfSpecialAndUnknownIds_SkipsThem()
    {
        Tokenizer tokenizer = Load(Create());
        int[] ids = [Start, He, -1, Marker, int.MaxValue, tokenizer.VocabularySize];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Decode(ids, skipSpecialTokens: false), Is.EqualTo("<s>he<t>"));
            Assert.That(tokenizer.Decode(ids, skipSpecialTokens: true), Is.EqualTo("he<t>"));
            Assert.That(tokenizer.TokenBytes(-1).Length, Is.Zero);
            Assert.That(tokenizer.TokenId("nothing"), Is.Null);
            Assert.That(tokenizer.TokenId("Ġhell"), Is.EqualTo(SpaceHell));
        }
    }

    [Test]
    public void RoundTrip_OfRandomText_IsTheText()
    {
        Tokenizer tokenizer = Tokenizer.Load(TestData.TinyReasoner);
        var random = new Random(20_240_607);
        using (Assert.EnterMultipleScope())
        {
            for (int i = 0; i < 2_000; i++)
            {
                string text = RandomText(random).Normalize();
                int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
                Assert.That(tokenizer.Decode(ids, skipSpecialTokens: false), Is.EqualTo(text));
            }
        }
    }

    private static string RandomText(Random random)
    {
        var text = new StringBuilder();
        for (int length = random.Next(40); length > 0; length--)
        {
            int codePoint = random.Next(4) switch
            {
                0 => random.Next(0x80),
                1 => random.Next(0x800),
                2 => random.Next(0x10000),
                _ => random.Next(0x110000),
            };
            if (Rune.IsValid(codePoint) && codePoint != 0xFFFE)
                text.Append(new Rune(codePoint));
        }
        return text.ToString();
    }

    // Quadratic work on a million characters would take hours; linear work takes about two seconds.
    [TestCase("a")]
    [TestCase("l")]
    [TestCase(" ")]
    [TestCase("\n")]
    [TestCase("<")]
    [TestCase("e\u0301")]
    [CancelAfter(60_000)]
    public void Encode_OfAMillionEqualCharacters_EndsSoon(string unit, CancellationToken cancellation)
    {
        Tokenizer tokenizer = Tokenizer.Load(TestData.TinyReasoner);
        string text = string.Concat(Enumerable.Repeat(unit, 1 << 20)).Normalize();
        Task<int[]> encoding = Task.Run(() => tokenizer.Encode(text, addSpecialTokens: false), cancellation);
        encoding.Wait(cancellation);
        Assert.That(tokenizer.Decode(encoding.Result, skipSpecialTokens: false), Is.EqualTo(text));
    }

    [Test]
    public void Encode_FromManyThreads_ReturnsTheSame()
    {
        Tokenizer tokenizer = Tokenizer.Load(TestData.TinyReasoner);
        // More different words than the cache holds, so that threads meet while it starts afresh.
        string[] texts = [.. Enumerable.Range(0, 16).Select(part =>
            string.Join(' ', Enumerable.Range(0, 4_000).Select(word => $"w{Convert.ToString(part * 4_000 + word, 2)
                .Replace('0', 'a').Replace('1', 'b')}")))];
        int[][] expected = [.. texts.Select(text => Tokenizer.Load(TestData.TinyReasoner).Encode(text, false))];
        Parallel.For(0, texts.Length * 4, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
            Assert.That(tokenizer.Encode(texts[i % 16], false), Is.EqualTo(expected[i % 16])));
    }
}
