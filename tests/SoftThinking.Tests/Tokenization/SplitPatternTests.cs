using System.Globalization;
using System.Text;
using NUnit.Framework;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Tokenization;

/// <summary>The expected cuts were made by Hugging Face's tokenizers 0.23.2 (Oniguruma).</summary>
[TestFixture]
public class SplitPatternTests
{
    [TestCase(SplitPattern.Qwen2, "'ſabc 'Sx 'LLx x", "'ſ|abc| '|Sx| '|LLx| x")]
    [TestCase(SplitPattern.Qwen2, "we'Re 123  \n x", "we|'Re| |1|2|3|  \n| x")]
    [TestCase(SplitPattern.Llama3, "we're 1234", "we|'re| |123|4")]
    [TestCase(SplitPattern.Gpt2, "we're 'S 1234!\n", "we|'re| '|S| 1234|!|\n")]
    [TestCase("(?i:k)", "kK\u212Ax", "k|K|\u212A|x")]
    [TestCase("a++", "aaa", "aaa")]
    [TestCase("a{2}|b{2,}", "aaaaabbb", "aa|aa|a|bbb")]
    [TestCase(".", "a\nb", "a|\n|b")]
    [TestCase(@"[^\S ]", "a \t", "a |\t")]
    [TestCase("(a|b)c?", "acbb", "ac|b|b")]
    [TestCase("a(?=b)|(?:b|c)", "aabd", "a|a|b|d")]
    [TestCase(@"[\p{Lu}\-a-c]+", "AB-ad", "AB-a|d")]
    public void EndOfPiece_CutsAsOniguruma(string pattern, string text, string expected) =>
        Assert.That(Cut(pattern, text), Is.EqualTo(expected.Split('|')));

    [Test]
    public void EndOfPiece_SeesLettersBeyondTheBasicPlane() =>
        Assert.That(Cut(@"\p{L}+|\p{N}", "𝕳𝖆𝟛😀😀"), Is.EqualTo((string[])["𝕳𝖆", "𝟛", "😀😀"]));

    [TestCase(@"\w+", "'\\w'")]
    [TestCase("a*", "nothing")]
    [TestCase("a|", "nothing")]
    [TestCase("(?<=a)b", "this kind of group")]
    [TestCase("(?i)a", "this kind of group")]
    [TestCase("(?i:ss)", "in a case-insensitive group")]
    [TestCase("(?i:é)", "inside (?i: )")]
    [TestCase("(?:ab)+", "after a group")]
    [TestCase("a+?", "lazy")]
    [TestCase("a{2}+", "doubled")]
    [TestCase("a{,2}", "count")]
    [TestCase("a{2,1}", "count")]
    [TestCase("a{99999999999}", "count")]
    [TestCase("[a-z&&[b]]", "class")]
    [TestCase("[a", "']'")]
    [TestCase("[]", "empty class")]
    [TestCase("(a", "')'")]
    [TestCase("a)", "')'")]
    [TestCase("^a", "'^'")]
    [TestCase("a$+", "'+'")]
    [TestCase(@"\p{Han}", "Han")]
    [TestCase(@"\p{L", "braces")]
    [TestCase(@"a\", "at the end")]
    [TestCase("(?:", "')'")]
    [TestCase("((((((((((((((((((((a))))))))))))))))))))", "nested")]
    public void Constructor_OfUnsupportedPattern_SaysWhatAndWhere(string pattern, string reason) =>
        Assert.That(() => new SplitPattern(pattern),
            Throws.InstanceOf<FormatException>().With.Message.Contains(reason));

    [Test]
    public void WhiteSpace_IsThatOfUnicode()
    {
        for (int codePoint = 0; codePoint < 0x110000; codePoint++)
        {
            bool expected = Rune.IsValid(codePoint) && Rune.IsWhiteSpace(new Rune(codePoint));
            if (CharacterClass.WhiteSpace.Contains(codePoint) != expected)
                Assert.Fail($"U+{codePoint:X4}");
        }
    }

    [Test]
    public void CategoryNames_FollowTheOrderOfDotNet()
    {
        using (Assert.EnterMultipleScope())
        {
            foreach ((string name, UnicodeCategory category) in new (string, UnicodeCategory)[]
            {
                ("Lu", UnicodeCategory.UppercaseLetter), ("Lo", UnicodeCategory.OtherLetter),
                ("Nl", UnicodeCategory.LetterNumber),
                ("Zs", UnicodeCategory.SpaceSeparator), ("Cc", UnicodeCategory.Control),
                ("Cs", UnicodeCategory.Surrogate),
                ("Pc", UnicodeCategory.ConnectorPunctuation), ("Pi", UnicodeCategory.InitialQuotePunctuation),
                ("Po", UnicodeCategory.OtherPunctuation), ("Sm", UnicodeCategory.MathSymbol),
                ("So", UnicodeCategory.OtherSymbol),
                ("Cn", UnicodeCategory.OtherNotAssigned),
            })
                Assert.That(CharacterClass.CategoriesByName[name], Is.EqualTo(1u << (int)category), name);
        }
    }

    private static List<string> Cut(string source, string text)
    {
        var pattern = new SplitPattern(source);
        var pieces = new List<string>();
        for (int start = 0; start < text.Length;)
        {
            int end = pattern.EndOfPiece(text, start, out _);
            pieces.Add(text[start..end]);
            start = end;
        }
        return pieces;
    }
}
