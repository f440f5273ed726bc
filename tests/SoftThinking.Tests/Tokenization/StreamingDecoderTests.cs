using NUnit.Framework;
using SoftThinking.Tokenization;
using static SoftThinking.Tests.Tokenization.TokenizerFixture;

namespace SoftThinking.Tests.Tokenization;

[TestFixture]
public class StreamingDecoderTests
{
    [Test]
    public void Append_OfEmojiInFourTokens_ReturnsItWithTheLast()
    {
        var decoder = new StreamingDecoder(Load(Create()), skipSpecialTokens: false, startsText: true);
        string[] parts = [.. ((int[])[He, 0xF0, 0x9F, 0x98, 0x80, He]).Select(decoder.Append)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(parts, Is.EqualTo((string[])["he", "", "", "", "\U0001F600", "he"]));
            Assert.That(decoder.Flush(), Is.Empty);
        }
    }

    [Test]
    public void Append_OfBytesThatCannotGoOn_ReplacesThemAtOnce()
    {
        var decoder = new StreamingDecoder(Load(Create()), skipSpecialTokens: false, startsText: true);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(decoder.Append(0xE2), Is.Empty);
            Assert.That(decoder.Append(0x82), Is.Empty);
            Assert.That(decoder.Append('A'), Is.EqualTo("\uFFFDA"));
            Assert.That(decoder.Append(0x80), Is.EqualTo("\uFFFD"), "no character begins so");
            Assert.That(decoder.Append(0xF0), Is.Empty);
            Assert.That(decoder.Flush(), Is.EqualTo("\uFFFD"));
            Assert.That(decoder.Flush(), Is.Empty);
            Assert.That(decoder.Append(He), Is.EqualTo("he"), "usable again");
        }
    }

    [Test]
    public void Append_OfSpecialToken_SkipsItAndKeepsTheHalfCharacter()
    {
        var decoder = new StreamingDecoder(Load(Create()), skipSpecialTokens: true, startsText: true);
        string[] parts = [.. ((int[])[0xC3, Start, 0xA9, Marker, -5]).Select(decoder.Append)];
        Assert.That(parts, Is.EqualTo((string[])["", "", "\u00E9", "<t>", ""]));
    }

    [Test]
    public void Parts_OfRandomBytes_MakeTheWholeAndNeverSplitASurrogatePair()
    {
        Tokenizer tokenizer = Load(Create());
        var random = new Random(7);
        int[] pool =
            [0xF0, 0x9F, 0x98, 0x80, 0xE2, 0x82, 0xAC, 0xC3, 0xA9, 0xED, 0xA0, 0xF4, 0x90, 0xC0, 'a', Marker, He];
        for (int i = 0; i < 5_000; i++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(12)).Select(_ => pool[random.Next(pool.Length)])];
            var decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: false, startsText: true);
            string[] parts = [.. ids.Select(decoder.Append), decoder.Flush()];
            Assert.That(string.Concat(parts), Is.EqualTo(tokenizer.Decode(ids, false)), string.Join(' ', ids));
            Assert.That(parts.Any(HasHalfACharacter), Is.False, string.Join(' ', ids));
        }
    }

    private static bool HasHalfACharacter(string part) =>
        part.Length > 0 && (char.IsLowSurrogate(part[0]) || char.IsHighSurrogate(part[^1]));
}
