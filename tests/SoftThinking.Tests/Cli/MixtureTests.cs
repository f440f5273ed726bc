using NUnit.Framework;
using SoftThinking.Cli;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Cli;

/// <summary>How an uncertain thought is written.</summary>
public class MixtureTests
{
    private Tokenizer _tokenizer = null!;

    [OneTimeSetUp]
    public void Load() => _tokenizer = Tokenizer.Load(TestData.TinyReasoner);

    [Test]
    public void SpaceBeforeAWordStaysBeforeTheWhole() => Assert.That(Show((" so", 0.7f), (" thus", 0.2f), (" hence", 0.1f)), Is.EqualTo(" so⁷⁰|thus²⁰|hence¹⁰"));

    [Test]
    public void LineBreaksOfRunnersUpAreWrittenOut() => Assert.That(Show((".", 0.6f), ("\n", 0.4f)), Is.EqualTo(@".⁶⁰|\n⁴⁰"));

    [Test]
    public void ALineBreakAsHeadComesAfterItsRunnersUp() => Assert.That(Show(("\n", 0.6f), (" so", 0.4f)), Is.EqualTo("\\n⁶⁰|␣so⁴⁰\n"));

    [Test]
    public void CertainThoughtsHaveNone() => Assert.That(Show((" so", 0.9f), (" thus", 0.1f)), Is.Null);

    [Test]
    public void UnlikelyRunnersUpAreLeftOutButForTheFirst()
    {
        Assert.That(Show((" so", 0.85f), (" thus", 0.11f), (" hence", 0.04f)), Is.EqualTo(" so⁸⁵|thus¹¹"));
        Assert.That(Show((" so", 0.89f), (" thus", 0.04f), (" hence", 0.04f)), Is.EqualTo(" so⁸⁹|thus⁴"));
    }

    [Test]
    public void AHeadThatIsPartOfACharacterHasNone() =>
        Assert.That(Mixture.Of(Step("", (_tokenizer.TokenId("â")!.Value, 0.6f), (Id(" so"), 0.4f)), _tokenizer), Is.Null);

    [Test]
    public void TokensWithoutTextAreStillVisible()
    {
        Assert.That(TokenText.Visible(_tokenizer, 999_999), Is.EqualTo("<999999>"));
        Assert.That(TokenText.Visible(_tokenizer, _tokenizer.TokenId("â")!.Value), Is.EqualTo(@"\xE2"));
        Assert.That(TokenText.Visible(_tokenizer, Id(" so")), Is.EqualTo("␣so"));
    }

    [Test]
    public void ATerminalGetsNoControlCharacters() =>
        Assert.That(TokenText.Harmless("a\e[2Jb\tc\n"), Is.EqualTo("a\\x1B[2Jb\tc\n"));

    private int Id(string text)
    {
        int[] ids = _tokenizer.Encode(text, addSpecialTokens: false);
        Assert.That(ids, Has.Length.EqualTo(1), $"'{text}' must be a token of {TestData.TinyReasoner}");
        return ids[0];
    }

    private string? Show(params (string Text, float Weight)[] entries)
    {
        Mixture? mixture = Mixture.Of(Step(entries[0].Text, [.. entries.Select(entry => (Id(entry.Text), entry.Weight))]), _tokenizer);
        return mixture == null ? null
            : mixture.Before + mixture.Token + mixture.Weight
                + string.Concat(mixture.RunnersUp.Select(other => $"|{other.Text}{other.Weight}")) + mixture.After;
    }

    private static GeneratedToken Step(string text, params (int Id, float Weight)[] entries) => new()
    {
        Token = ConceptToken.FromDevice(entries[0].Id, [.. entries.Select(entry => entry.Id)], [.. entries.Select(entry => entry.Weight)]),
        Text = text,
        Entropy = 1,
        Soft = true,
        Thinking = true,
        Marker = false,
    };
}
