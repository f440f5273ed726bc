using NUnit.Framework;
using SoftThinking.Evaluation.Reporting.Writing;

namespace SoftThinking.Evaluation.Tests.Reporting;

public class MarkdownTextTests
{
    [TestCase("a|b", @"a\|b")]
    [TestCase("<script>", @"\<script\>")]
    [TestCase("two\nlines\r\n", "two lines␍")]
    [TestCase("[x](javascript:alert(1))", @"\[x\](javascript:alert(1))")]
    [TestCase("![x](http://a.b/c)", @"!\[x\](http\://a.b/c)")]
    [TestCase("see www.example.org", @"see www\.example.org")]
    [TestCase("`code` $x$ **b** _i_ ~s~", @"\`code\` \$x\$ \*\*b\*\* \_i\_ \~s\~")]
    [TestCase("&lt;", @"\&lt;")]
    [TestCase(@"\frac{1}{2}", @"\\frac\{1\}\{2\}")]
    [TestCase("- item", @"\- item")]
    [TestCase("12. item", @"12\. item")]
    [TestCase("3.14", "3.14")]
    [TestCase("-5", "-5")]
    [TestCase("# title", @"\# title")]
    [TestCase("12.5 (10.1 to 15.0)", "12.5 (10.1 to 15.0)")]
    public void MarkupIsEscaped(string text, string escaped) => Assert.That(MarkdownText.Escape(text), Is.EqualTo(escaped));
}
