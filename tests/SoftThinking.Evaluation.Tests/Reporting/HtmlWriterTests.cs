using NUnit.Framework;
using SoftThinking.Evaluation.Reporting.Writing;

namespace SoftThinking.Evaluation.Tests.Reporting;

public class HtmlWriterTests
{
    [TestCase("<script>alert('x')</script>", "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;")]
    [TestCase("a & b &amp; \"c\"", "a &amp; b &amp;amp; &quot;c&quot;")]
    [TestCase("]]>", "]]&gt;")]
    [TestCase("\0\u0001\u001B", "\u2400\u2401\u241B")]
    [TestCase("\u202Eevil\u2066", "\uFFFDevil\uFFFD")]
    [TestCase("\uFFFE\uFFFF\u0085", "\uFFFD\uFFFD\uFFFD")]
    [TestCase("½ äöü 思考", "½ äöü 思考")]
    [TestCase("😀", "&#x1F600;")]
    public void TextAndAttributesAreEscaped(string text, string escaped)
    {
        string html = new HtmlWriter().Open("p", ("title", text)).Text(text).Close("p").ToString();
        Assert.That(html, Is.EqualTo($"<!DOCTYPE html>\n<p title=\"{escaped}\">{escaped}</p>"));
    }

    [Test]
    public void AnElementClosedInTheWrongOrderIsAnError()
    {
        HtmlWriter html = new HtmlWriter().Open("p").Open("b");
        Assert.Throws<InvalidOperationException>(() => html.Close("p"));
        Assert.Throws<InvalidOperationException>(() => new HtmlWriter().Open("p").ToString());
    }

    [Test]
    public void HalvesOfCharactersAreReplaced() =>
        // Not a test case: attributes are stored as UTF-8, which has no halves.
        Assert.That(SafeText.Clean("a\uD800b\uDC00"), Is.EqualTo("a\uFFFDb\uFFFD"));

    [TestCase("short", "short")]
    [TestCase(" two\n\n words ", "two words")]
    [TestCase("0123456789abc", "012345678…")]
    [TestCase("01234567😀9abc", "01234567…")]
    public void LongTextIsShortenedBetweenCharacters(string text, string expected) =>
        Assert.That(SafeText.Shorten(text, 10), Is.EqualTo(expected));
}
