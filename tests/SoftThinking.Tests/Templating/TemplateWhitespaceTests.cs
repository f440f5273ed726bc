using NUnit.Framework;

namespace SoftThinking.Tests.Templating;

/// <summary>trim_blocks, lstrip_blocks and the signs - and +.</summary>
[TestFixture]
internal sealed class TemplateWhitespaceTests
{
    [TestCase("a\n  {% if true %}\n  b\n  {% endif %}\nc", "a\n  b\nc", TestName = "Blocks alone in a line vanish")]
    [TestCase("a {% if true %} b {% endif %} c", "a  b  c", TestName = "Blocks within a line keep spaces")]
    [TestCase(" {{ 1 }}\n{{ 2 }}\n", " 1\n2", TestName = "Variables keep their lines and one last newline is dropped")]
    [TestCase("a\n\n", "a\n", TestName = "Only one last newline is dropped")]
    [TestCase("a  \n {{- 1 -}} \n\n b", "a1b", TestName = "Minus strips all whitespace")]
    [TestCase("a\n  {%+ if true +%}\nb\n{%- endif %}", "a\n  \nb", TestName = "Plus keeps it")]
    [TestCase("a\n  {# c #}\nb {#- d -#} e", "a\nbe", TestName = "Comments are stripped as blocks are")]
    [TestCase("{% raw %}\n {{ x }} {% if %}{% endraw %}\nb", "\n {{ x }} {% if %}b", TestName = "Raw text is kept")]
    [TestCase("a {%- raw -%} {{ }} {%- endraw -%} b", "a{{ }}b", TestName = "Raw blocks take signs")]
    [TestCase("a\r\n{% if true %}\r\nb\r{% endif %}", "a\nb\n", TestName = "Line breaks become newlines")]
    [TestCase("{{ {'a': {'b': 1}} }}", "{'a': {'b': 1}}", TestName = "Closing braces of dicts do not close the tag")]
    [TestCase("{{ '}}' }}{# }} #}{{ '{%' }}", "}}{%", TestName = "Tags in strings are text")]
    [TestCase("50% {a} {", "50% {a} {", TestName = "Lone signs are text")]
    [TestCase("50%  ", "50%  ", TestName = "Trailing spaces stay")]
    [TestCase("  \n #", "  \n #", TestName = "A trailing hash is text")]
    public void Renders(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));
}
