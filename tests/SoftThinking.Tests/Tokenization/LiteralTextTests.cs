using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tokenization;
using static SoftThinking.Tests.Tokenization.TokenizerFixture;

namespace SoftThinking.Tests.Tokenization;

/// <summary>Encoding in which parts of the text cannot contain added tokens.</summary>
[TestFixture]
public class LiteralTextTests
{
    [Test]
    public void Tokens_InLiteralParts_AreText()
    {
        Tokenizer tokenizer = Load(Create());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(tokenizer.Encode("he<s><t>", false), Is.EqualTo((int[])[He, Start, Marker]));
            Assert.That(tokenizer.Encode("he<s><t>", false, [0..8]), Is.EqualTo((int[])[He, '<', 's', '>', '<', 't', '>']));
            Assert.That(tokenizer.Encode("<s><s><s>", false, [3..6]), Is.EqualTo((int[])[Start, '<', 's', '>', Start]));
            Assert.That(tokenizer.Encode("<s><t><s>he", false, [0..3, 6..9]), Is.EqualTo((int[])['<', 's', '>', Marker, '<', 's', '>', He]));
            Assert.That(tokenizer.Encode("<s><s>", false, [3..3]), Is.EqualTo((int[])[Start, Start]), "an empty part changes nothing");
            Assert.That(tokenizer.Encode("", false, [0..0]), Is.Empty);
            Assert.That(tokenizer.Encode("<s><t>", false, [^3..]), Is.EqualTo((int[])[Start, '<', 't', '>']));
        }
    }

    [TestCase(0, 1)]
    [TestCase(1, 2)]
    [TestCase(2, 3)]
    public void Tokens_ThatOverlapALiteralPart_AreText(int start, int end) =>
        Assert.That(Load(Create()).Encode("<s>", false, [start..end]), Is.EqualTo((int[])['<', 's', '>']));

    [Test]
    public void Words_ReachAcrossTheEndsOfLiteralParts() =>
        Assert.That(Load(Create()).Encode("hell hell", false, [2..6]), Is.EqualTo((int[])[Hell, SpaceHell]));

    [Test]
    public void TheTemplateOfTheTokenizer_IsStillApplied()
    {
        JsonObject json = Create();
        json["post_processor"] = Template(Special("<s>"), Sequence("A"));
        Assert.That(Load(json).Encode("<s>", true, [0..3]), Is.EqualTo((int[])[Start, '<', 's', '>']));
    }

    [Test]
    public void AShorterToken_ThatEndsBeforeTheLiteralPart_Counts()
    {
        JsonObject json = Create();
        json["added_tokens"] = new JsonArray(AddedToken(260, "ab"), AddedToken(261, "abcd"));
        Tokenizer tokenizer = Load(json);
        Assert.That(tokenizer.Encode("abcd", false), Is.EqualTo((int[])[261]));
        Assert.That(tokenizer.Encode("abcd", false, [2..4]), Is.EqualTo((int[])[260, 'c', 'd']));
    }

    [TestCase("x<n>", 0, 4, "x<n>")]
    [TestCase("e\u0301<n>y<n>", 0, 5, "\u00E9<n>y|N")]
    [TestCase("e\u0301<n>y<n>", 6, 9, "\u00E9|N|y<n>")]
    [TestCase("e\u0301e\u0301<n>e\u0301<n>", 4, 8, "\u00E9\u00E9<n>\u00E9|N")]
    [TestCase("<n>\u0301e<n>", 3, 5, "<n>\u0301e|N")] // the accent cannot be told apart from the character that it follows
    [TestCase("\u4e00<n>\u4e00<n>", 0, 1, "\u4e00|N|\u4e00|N")]
    public void TokensThatAreFoundAfterNormalization_AreTextToo(string text, int start, int end, string expected)
    {
        const int N = 260;
        JsonObject json = Create();
        json["normalizer"] = new JsonObject { ["type"] = "NFC" };
        json["added_tokens"] = new JsonArray(AddedToken(N, "<n>", "normalized"));
        Tokenizer tokenizer = Load(json);
        int[] ids = [.. expected.Split('|').SelectMany(part => part == "N" ? [N] : tokenizer.Encode(part, false, [0..part.Length]))];
        Assert.That(tokenizer.Encode(text, false, [start..end]), Is.EqualTo(ids));
    }

    [Test]
    public void AnUnpairedSurrogateAtTheEdge_ChangesNothing() =>
        Assert.That(Load(Create()).Encode("\ud83d<s>\ude00", false, [0..1, 4..5]),
            Is.EqualTo(Load(Create()).Encode("\uFFFD<s>\uFFFD", false)));

    [TestCase(0, 2, 1, 3)]
    [TestCase(2, 3, 0, 1)]
    [TestCase(0, 1, 1, 10)]
    [TestCase(3, 2, 3, 3)]
    public void Ranges_ThatAreNotAscendingDisjointAndWithinTheText_AreRefused(int start1, int end1, int start2, int end2) =>
        Assert.That(() => Load(Create()).Encode("<s>he", false, [start1..end1, start2..end2]),
            Throws.ArgumentException.With.Message.Contains("ascending, disjoint and within the text of 5 characters"));

    [Test]
    public void Nulls_AreRefused()
    {
        Tokenizer tokenizer = Load(Create());
        Assert.That(() => tokenizer.Encode(null!, false, []), Throws.ArgumentNullException);
        Assert.That(() => tokenizer.Encode("", false, null!), Throws.ArgumentNullException);
    }

    /// <summary>Property: what is encoded decodes to the same text, and no added token begins in a literal part.</summary>
    [Test]
    public void RandomTexts_RoundTripWithoutTokensInLiteralParts()
    {
        Tokenizer tokenizer = Load(Create());
        string[] pieces = ["<s>", "<t>", "<", "s>", "he", "ll", " ", "<s", "t>"];
        Random random = new(3);
        for (int round = 0; round < 500; round++)
        {
            string text = string.Concat(Enumerable.Range(0, 20).Select(_ => pieces[random.Next(pieces.Length)]));
            int[] cuts = [.. Enumerable.Range(0, 6).Select(_ => random.Next(text.Length + 1)).Order()];
            Range[] literal = [cuts[0]..cuts[1], cuts[2]..cuts[3], cuts[4]..cuts[5]];
            int[] ids = tokenizer.Encode(text, false, literal);
            Assert.That(tokenizer.Decode(ids, false), Is.EqualTo(text));
            int at = 0;
            foreach (int id in ids)
            {
                int length = tokenizer.TokenBytes(id).Length; // the text is ASCII
                if (id is Start or Marker)
                    Assert.That(literal.Any(part => Overlap(part, at, at + length)), Is.False, $"{text} at {at}");
                at += length;
            }
            int expected = Enumerable.Range(0, text.Length - 2).Count(i => text[i..(i + 3)] is "<s>" or "<t>"
                && !literal.Any(part => Overlap(part, i, i + 3)));
            Assert.That(ids.Count(id => id is Start or Marker), Is.EqualTo(expected), text);
        }

        static bool Overlap(Range part, int start, int end) =>
            Math.Max(part.Start.Value, start) < Math.Min(part.End.Value, end);
    }
}
