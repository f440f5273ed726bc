using NUnit.Framework;
using SoftThinking.Templating;

namespace SoftThinking.Tests.Templating;

/// <summary>Upper, lower and title case by the full mappings of Unicode. Expected texts are those of Python 3.11.</summary>
[TestFixture]
internal sealed class TemplateCasingTests
{
    [TestCase("{{ 'straße' | upper }} {{ 'ß'.upper() }} {{ 'ŉ'.upper() }} {{ 'ﬃ' | upper }} {{ 'ΐ'.upper() }} "
        + "{{ 'և' | upper }} {{ 'ᾳᾀᾷ'.upper() }} {{ 'ıſ' | upper }}",
        "STRASSE SS ʼN FFI Ι\u0308\u0301 ԵՒ ΑΙἈΙΑ\u0342Ι IS")]
    [TestCase("{{ 'İ' | lower }} {{ 'İ'.lower() | length }} {{ 'ΑΣ'.lower() }} "
        + "{{ 'ΑΣΑ ΟΔΟΣ, Σ ΑΣ. ΑΣ’Α' | lower }} {{ 'Σ'.lower() }}",
        "i\u0307 2 ας ασα οδος, σ ας. ασ’α σ")]
    [TestCase("{{ 'ßx' | capitalize }} {{ 'ßx'.capitalize() }} {{ 'ǆΑΣ'.capitalize() }} {{ 'ﬁX' | capitalize }} "
        + "{{ 'ŉX'.capitalize() }} {{ 'ΌΣΟΣ'.capitalize() }} {{ 'ა'.capitalize() }}",
        "Ssx Ssx ǅας Fix ʼNx Όσος ა")]
    [TestCase("{{ 'ßa ßB' | title }} {{ 'ßa ßB'.title() }} {{ \"they're ǆa x1a 日a ªa\".title() }} "
        + "{{ \"they're ǆa x-1a (ﬁ\" | title }} {{ 'ΟΔΟΣ ΑΣ'.title() }} {{ 'ΟΔΟΣ ΑΣ' | title }} "
        + "{{ 'ᾳ ᾀ ᾷ ᾲ'.title() }}",
        "SSa SSb Ssa Ssb They'Re ǅa X1A 日A ªa They're Ǆa X-1a (FI Οδος Ας Οδος Ασ ᾼ ᾈ Α\u0342\u0345 Ὰ\u0345")]
    [TestCase("{{ 'ßΣaΣ ªⓐ'.swapcase() }} {{ 'aΣ'.swapcase() }} {{ 'ß ς ŉ Ꭰ ꭰ ı ᾳ ﬁ İ'.casefold() }}",
        "SSσAς ªⒶ Aς ss σ ʼn Ꭰ Ꭰ ı αι fi i\u0307")]
    [TestCase("{{ ['ßa', 'SSA', 'ΑΣ', 'ας'] | sort }} {{ ['ΑΣ', 'ας', 'İ', 'i\u0307'] | unique | list }} "
        + "{{ 'ªⅷⓐ'.islower() }} {{ 'ⅧⒶ' is upper }} {{ 'ǅ'.isupper() }} {{ 'ǅ'.islower() }}",
        "['SSA', 'ßa', 'ΑΣ', 'ας'] ['ΑΣ', 'İ'] True True False False")]
    public void Case_changes_as_in_Python(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [Test]
    public void A_long_text_of_sigmas_and_marks_takes_linear_time()
    {
        string text = string.Concat(Enumerable.Repeat("Σ" + new string('\u0301', 50), 20_000));
        Assert.That(Casing.Lower(text), Is.EqualTo(text.Replace('Σ', 'σ')[..^51] + text[^51..].Replace('Σ', 'ς')));
    }
}
