using System.Globalization;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Templating;

namespace SoftThinking.Tests.Templating;

/// <summary>Numbers as text and text as numbers. Expected texts are those of Python 3.11 and Jinja2 3.1.</summary>
[TestFixture]
internal sealed class TemplateNumberTests
{
    [TestCase("{{ 1e-06 }} {{ 0.000001 }} {{ {'default': 1e-06} | tojson }} {{ 1e23 }}",
        "1e-06 1e-06 {\"default\": 1e-06} 1e+23")]
    [TestCase("{{ [1e-06, 1e23] }} {{ {1e-06: 1e22} }} {{ (1e-05,) }} {{ [1e-06, 1e23] | tojson }} "
        + "{{ {1e-06: 1} | tojson }}",
        "[1e-06, 1e+23] {1e-06: 1e+22} (1e-05,) [1e-06, 1e+23] {\"1e-06\": 1}")]
    [TestCase("{{ 1e-06 ~ '' }} {{ [1e-06, 1e23] | join(' ') }} {{ 1e-06 | string }} "
        + "{{ '%s %r %a' % (1e-06, 1e23, 1e22) }}",
        "1e-06 1e-06 1e+23 1e-06 1e-06 1e+23 1e+22")]
    [TestCase("{{ '{} {!r} {!s}'.format(1e-06, 1e23, 1e16) }} {{ '%s' | format(1e-06) }} {{ '' ~ [1e-06] }} "
        + "{{ 'x' | replace('x', 1e-06) }}",
        "1e-06 1e+23 1e+16 1e-06 [1e-06] 1e-06")]
    [TestCase("{{ 1e23 | upper }} {{ 1e-06 | trim }} {{ 1e-06 | indent if false else 1e-06 | e }} "
        + "{{ 1e-06 | center(9) }}|",
        "1E+23 1e-06 1e-06   1e-06  |")]
    [TestCase("{{ 5e-324 }} {{ 1.7976931348623157e308 }} {{ 2.2250738585072014e-308 }} {{ 9007199254740993.0 }} "
        + "{{ 123456789.125 }}",
        "5e-324 1.7976931348623157e+308 2.2250738585072014e-308 9007199254740992.0 123456789.125")]
    [TestCase("{{ 1e15 }} {{ 1e16 }} {{ 9999999999999998.0 }} {{ 0.0001 }} {{ 0.00001234 }} {{ 1.5e300 * 1e10 }}",
        "1000000000000000.0 1e+16 9999999999999998.0 0.0001 1.234e-05 inf")]
    [TestCase("{{ 1e999 }} {{ -1e999 }} {{ 1e999 - 1e999 }} {{ -0.0 }} {{ [1e999] if false else 0.0 * -1 }}",
        "inf -inf nan -0.0 -0.0")]
    [TestCase("{% set inf = 1e300 * 1e10 %}{{ inf }} {{ -inf }} {{ inf - inf }} "
        + "{{ [inf, -inf, inf - inf, -0.0] | tojson }}",
        "inf -inf nan [Infinity, -Infinity, NaN, -0.0]")]
    public void A_float_has_one_text_everywhere(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [TestCase("{{ '%.2f %.2f %.2f %.0f %.0f' % (0.125, 2.675, 0.375, 0.5, 1.5) }}",
        "0.12 2.67 0.38 0 2")]
    [TestCase("{{ '%.1f %.0f %.3f' % (-0.04, -0.4, -0.0) }} {{ '%d' % -0.5 }}",
        "-0.0 -0 -0.000 0")]
    [TestCase("{{ '%f %e %g' % (1e22, 1e22, 1e22) }} {{ '%.25f' % 0.1 }} {{ '%.0f' % 1e23 }}",
        "10000000000000000000000.000000 1.000000e+22 1e+22 0.1000000000000000055511151 99999999999999991611392")]
    [TestCase("{{ '%.3e %.0e %E %.10e' % (1234.5, 2.5, 1e-06, 0.1) }}",
        "1.234e+03 2e+00 1.000000E-06 1.0000000000e-01")]
    [TestCase("{{ '%g %g %g %g %.3g %.0g %G' % (0.0001, 0.00001, 123456.5, 1234567.0, 999.5, 25.0, 1e-10) }}",
        "0.0001 1e-05 123456 1.23457e+06 1e+03 2e+01 1E-10")]
    [TestCase("{{ '%+d % d %05d %-5d| %+.1f %05.1f' % (5, 5, -42, 42, 2.25, -2.25) }}",
        "+5  5 -0042 42   | +2.2 -02.2")]
    [TestCase("{{ '%#x %#o %#.0f %#g %#.3e %X %o %08.3f|%-8.3f|' % (255, 8, 3.0, 1.0, 1.0, 255, 8, 3.14159, 3.14159) }}",
        "0xff 0o10 3. 1.00000 1.000e+00 FF 10 0003.142|3.142   |")]
    [TestCase("{{ '%.3d %5.3d %+.3d %#06x' % (5, 5, 5, 255) }} {{ '%i %u' % (3.99, true) }}",
        "005   005 +005 0x00ff 3 1")]
    [TestCase("{% set inf = 1e300 * 1e10 %}{{ '%f %F %05.1f %+e %g %G' % (inf, inf, -inf, inf, -inf, inf - inf) }}",
        "inf INF -0inf +inf -inf NAN")]
    [TestCase("{{ '%5s|%-5s|%05s|%.2s|%c%c' % ('a', 'b', 'c', 'defg', 65, 'z') }}",
        "    a|b    |    c|de|Az")]
    [TestCase("{{ '%*d|%-*d|%.*f' % (5, 1, 4, 2, 2, 1.005) }} {{ '%(a)05.1f %(b)s' % {'a': 1.25, 'b': none} }}",
        "    1|2   |1.00 001.2 None")]
    [TestCase("{{ '%d %d' % (1e22, big) }} {{ '%.2f' % big }} {{ '%a' % 'é😀' }} {{ '%%|%s' % 1 }} "
        + "{{ '%.2f' | format(0.125) }}",
        "10000000000000000000000 18446744073709551615 18446744073709551616.00 '\\xe9\\U0001f600' %|1 0.12")]
    public void The_percent_operator_formats_as_Python(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [TestCase("{{ '{:.3f} {:g} {:e} {:.2%} {:.0f}'.format(0.0625, 1e-05, 12345.678, 0.12345, 2.5) }}",
        "0.062 1e-05 1.234568e+04 12.35% 2")]
    [TestCase("{{ '{:.3} {:.1} {:.5} {:.17}'.format(1234.5678, 0.25, 100.0, 0.1) }} "
        + "{{ '{:10}|{:<10}|{:^10}|'.format(1e-06, 1e23, 2.5) }}",
        "1.23e+03 0.2 100.0 0.10000000000000001      1e-06|1e+23     |   2.5    |")]
    [TestCase("{{ '{:,} {:_} {:,.2f} {:_x} {:010,} {:08,d}'.format(1234567, 1234567, 1234567.891, 1048576, 1234, 123456) }}",
        "1,234,567 1_234_567 1,234,567.89 10_0000 00,001,234 0,123,456")]
    [TestCase("{{ '{:+} {: } {:+.1f} {:-} {:=+8.2f} {:08.2f} {:*^9} {:<05}|'.format(1, 2, 0.05, 3, 3.14159, -3.14159, 'mid', 12) }}",
        "+1  2 +0.1 3 +   3.14 -0003.14 ***mid*** 12000|")]
    [TestCase("{{ '{:#x} {:#b} {:#o} {:X} {:#06x} {:#.3g} {:b} {:n}'.format(255, 5, 8, 255, 255, 1.0, 5, 7) }}",
        "0xff 0b101 0o10 FF 0x00ff 1.00 101 7")]
    [TestCase("{{ '{:z.1f} {:.1f} {:5} {:d} {:05} {:>5}'.format(-0.01, -0.01, true, true, 'a', none ~ '') }}",
        "0.0 -0.0     1 1 a0000  None")]
    [TestCase("{{ '{:>{}} {:{w}.{p}f} {0[0]} {0[k]}'.format('a', 5, 3.14159, w=8, p=2) if false else '{:>{}}|{:{w}.{p}f}'.format('a', 5, 3.14159, w=8, p=2) }}",
        "    a|    3.14")]
    [TestCase("{{ '{a} {l[1]} {d[a]} {!r:>6} {!a}'.format('x', 'é', a=1, l=[1, 2], d={'a': 3}) }} "
        + "{{ '{0}{1}{0}'.format('a', 1e-06) }} {{ '{:é>4}{:😀<3}'.format(1, 2) }}",
        "1 2 3    'x' '\\xe9' a1e-06a ééé12😀😀")]
    [TestCase("{{ '{:c}{:5c}|{:<3c}|'.format(65, 66, 67) }} {{ '{:.2f} {:e} {:g}'.format(1, 10, big) }} "
        + "{{ '{:.3s}|'.format('abcdef') }}",
        "A    B|C  | 1.00 1.000000e+01 1.84467e+19 abc|")]
    [TestCase("{% set inf = 1e300 * 1e10 %}{{ '{:f} {:F} {:06.1f} {:%} {} {:+}'.format(inf, inf, -inf, inf, inf - inf, inf) }}",
        "inf INF -00inf inf% nan +inf")]
    public void Format_strings_format_as_Python(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [TestCase("{{ 2.675 | round(2) }} {{ 0.125 | round(2) }} {{ 2.5 | round }} {{ 3.5 | round }} "
        + "{{ -0.4 | round }} {{ 1e22 | round(2) }}",
        "2.67 0.12 2.0 4.0 -0.0 1e+22")]
    [TestCase("{{ 1234.5 | round(-2) }} {{ 1250.0 | round(-2) }} {{ 1350 | round(-2) }} {{ 1250 | round(-2) }} "
        + "{{ -15 | round(-1) }} {{ 7 | round(3) }}",
        "1200.0 1200.0 1400 1200 -20 7")]
    [TestCase("{{ 5e-324 | round(400) }} {{ 1e300 | round(-400) }} {{ 5.015 | round(2) }} {{ big | round(-1) }} "
        + "{{ 9007199254740993 | round(-1) }}",
        "5e-324 0.0 5.01 18446744073709551620 9007199254740990")]
    [TestCase("{{ 42.55 | round(1, 'floor') }} {{ 42.51 | round(1, 'ceil') }} {{ -0.5 | round(0, 'ceil') }} "
        + "{{ 7 | round(0, 'floor') }} {{ 1299 | round(-2, 'floor') }}",
        "42.5 42.6 0.0 7.0 1200.0")]
    public void Rounding_goes_by_the_exact_value(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [TestCase("{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ 1.0 // 0.1 }} {{ 1 % 0.1 }} {{ -1.0 % 3 }} {{ 3.0 % -1.5 }} "
        + "{{ -0.0 // 5 }} {{ 0.0 % -2 }}",
        "3.0 -4.0 9.0 0.09999999999999995 2.0 -0.0 -0.0 -0.0")]
    [TestCase("{{ 2 ** 0.5 }} {{ 2.0 ** 3 }} {{ 10 ** -3 }} {{ (-8) ** 3 }} {{ 1e308 * 10 }} {{ 0.1 * 3 }} "
        + "{{ 7 / 2 }} {{ 6 / 2 }}",
        "1.4142135623730951 8.0 0.001 -512 inf 0.30000000000000004 3.5 3.0")]
    [TestCase("{{ 9007199254740993 == 9007199254740992.0 }} {{ 9007199254740993 > 9007199254740992.0 }} "
        + "{{ big == 18446744073709551616.0 }} {{ 1 == 1.0 == true }}",
        "False True False True")]
    [TestCase("{{ {1: 'a', 1.0: 'b', true: 'c'} }} {{ {0: 1}[-0.0] }} {{ [1, 1.0, true, 2] | unique | list }} "
        + "{{ {big: 1}[big] }} {{ 2.0 in [1, 2] }}",
        "{1: 'c'} 1 [1, 2] 1 True")]
    [TestCase("{{ 7 % -3 }} {{ -7 // 3 }} {{ -7.0 // 3 }} {{ 'a' * 2.0 if false else 'a' * true }} "
        + "{{ -big | abs if false else big | abs }}",
        "-2 -3 -3.0 a 18446744073709551615")]
    public void Arithmetic_of_mixed_numbers_follows_Python(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [TestCase("{{ '٣' | int }} {{ '١٢٫٥' | int(7) }} {{ '٣.٥' | float }} {{ ' 4\\n' | int }} {{ '１２' | int + 1 }} "
        + "{{ '-٤' | int }}",
        "3 7 3.5 4 13 -4")]
    [TestCase("{{ '1_000' | int }} {{ '1__0' | int(5) }} {{ '_1' | int(5) }} {{ '1_0.5' | float }} "
        + "{{ '+5' | int }} {{ '+-5' | int(1) }} {{ '+-inf' | float(1) }}",
        "1000 5 5 10.5 5 1 1")]
    [TestCase("{{ '0xff' | int(0, 16) }} {{ '0b11' | int(0, 2) }} {{ '0o17' | int(0, 0) }} "
        + "{{ '0x1F' | int(0, 0) }} {{ 'zz' | int(0, 36) }} {{ '0x10' | int(7) }}",
        "255 3 15 31 1295 7")]
    [TestCase("{{ '42.9' | int }} {{ '-1.5e3' | int }} {{ '1e3' | float }} {{ '.5' | float }} {{ '5.' | float }} "
        + "{{ '.' | float(9) }} {{ 'inf' | float }} {{ 'nan' | int(3) }} {{ 'inf' | int(4) }}",
        "42 -1500 1000.0 0.5 5.0 9 inf 3 4")]
    [TestCase("{{ 'x' | int(none) }} {{ none | int(5) }} {{ [] | float(2.5) }} {{ 3.99 | int }} {{ -3.99 | int }} "
        + "{{ true | float }} {{ 99999999999999999999.5 | int }} {{ '99999999999999999999' | int }}",
        "None 5 2.5 3 -3 1.0 100000000000000000000 99999999999999999999")]
    [TestCase("{{ '٣'.isdigit() }} {{ '²'.isdigit() }} {{ '²'.isdecimal() }} {{ '½'.isnumeric() }} "
        + "{{ '½'.isdigit() }} {{ '٣'.isdecimal() }} {{ '½a'.isalnum() }} {{ '𝟘'.isdecimal() }} "
        + "{{ '①'.isdigit() }} {{ 'Ⅷ'.isnumeric() }}",
        "True True False True False True True True True True")]
    public void Numbers_are_read_as_Python_reads_them(string source, string expected) =>
        Assert.That(TemplateSemanticsTests.Render(source), Is.EqualTo(expected));

    [TestCase("{{ '%d' % 'a' }}", "a real number is required, not str")]
    [TestCase("{{ '%x' % 1.5 }}", "an integer is required, not float")]
    [TestCase("{{ '%f' % 'a' }}", "must be real number, not str")]
    [TestCase("{{ '%y' % 1 }}", "unsupported format character 'y'")]
    [TestCase("{{ '%s %s' % 1 }}", "not enough arguments")]
    [TestCase("{{ '%.99999f' % 1 }}", "more precise than 10000")]
    [TestCase("{{ '{:.2d}'.format(1) }}", "Precision not allowed in integer format specifier")]
    [TestCase("{{ '{:d}'.format(1.0) }}", "Unknown format code 'd' for object of type 'float'")]
    [TestCase("{{ '{:5}'.format(none) }}", "unsupported format string passed to NoneType.__format__")]
    [TestCase("{{ '{:=5}'.format('a') }}", "'=' alignment not allowed")]
    [TestCase("{{ '{} {0}'.format(1) }}", "numbered and unnumbered fields")]
    [TestCase("{{ 0.0 ** -1 }}", "0.0 cannot be raised to a negative power")]
    [TestCase("{{ 1e999 | int }}", "cannot convert float infinity to integer")]
    [TestCase("{{ -big }}", "exceeds 64 bits")]
    public void What_Python_refuses_is_an_error(string source, string reason)
    {
        TemplateException error = Assert.Throws<TemplateException>(() => TemplateSemanticsTests.Render(source))!;
        Assert.That(error.Problem, Does.Contain(reason));
    }

    [Test]
    public void The_shortest_text_of_a_float_reads_back_and_agrees_with_its_exact_digits()
    {
        Random random = new(5);
        for (int i = 0; i < 20_000; i++)
        {
            double number = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (!double.IsFinite(number))
                continue;
            string text = FloatText.Repr(number);
            Assert.That(double.Parse(text, CultureInfo.InvariantCulture), Is.EqualTo(number));
            string digits = FloatText.Format(Math.Abs(number), 'e', 16, alternate: false);
            Assert.That(double.Parse(digits, CultureInfo.InvariantCulture), Is.EqualTo(Math.Abs(number)), digits);
        }
    }

    [Test]
    public void Numbers_built_in_memory_keep_their_type()
    {
        ChatTemplate template = ChatTemplate.Parse("{{ v }} {{ tools }}", "t");
        JsonObject variables = new() { ["v"] = new JsonArray(2.0, 1e-06, 3, 2.5f, 4L, 1.50m, double.PositiveInfinity) };
        Assert.That(template.Render([], tools: new JsonArray(1.0), variables: variables),
            Is.EqualTo("[2.0, 1e-06, 3, 2.5, 4, 1.5, inf] [1.0]"));
    }

    [Test]
    public void Texts_of_numbers_do_not_depend_on_the_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo odd = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (odd.NumberFormat.NegativeSign, odd.NumberFormat.NumberDecimalSeparator) = ("~", ";");
        try
        {
            CultureInfo.CurrentCulture = odd;
            Assert.That(
                TemplateSemanticsTests.Render(
                    "{{ -1.5 }} {{ -3 }} {{ range(-2, 2) }} {{ '%.1f %d' % (-1.5, -2) }} {{ '-1.5' | float }} {{ [-1] | tojson }}"),
                Is.EqualTo("-1.5 -3 range(-2, 2) -1.5 -2 -1.5 [-1]"));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }
}
