using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Templating;

namespace SoftThinking.Tests.Templating;

/// <summary>The language: what expressions and statements print. Expected texts are those of Jinja2 3.1 as transformers
/// sets it up.</summary>
[TestFixture]
internal sealed class TemplateSemanticsTests
{
    private const string Context = """
        {"d": {"a": {"b": 1}, "items": 7}, "l": [1, 2, 3], "f": 2.0, "big": 18446744073709551615, "nothing": null,
         "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "日😀本"}]}
        """;

    internal static string Render(string source)
    {
        using JsonDocument context = JsonDocument.Parse(Context);
        return ChatTemplate.Parse(source, "test", clock: FixedClock.Instance).Render(context.RootElement);
    }

    [TestCase("{{ 1.0 }} {{ 1e16 }} {{ 1e15 }} {{ 0.00001 }} {{ 0.1 + 0.2 }} {{ f }}",
        "1.0 1e+16 1000000000000000.0 1e-05 0.30000000000000004 2.0")]
    [TestCase("""{{ [true, none, 'a', "it's", 'q"', {'k': (1,)}] }}""", """[True, None, 'a', "it's", 'q"', {'k': (1,)}]""")]
    [TestCase(@"{{ ['a\n\t\\ \x00 é \u200b 😀'] }}", @"['a\n\t\\ \x00 é \u200b 😀']")]
    [TestCase("{{ nothing }}|{{ missing }}|{{ d.zz }}|{{ l[9] }}|{{ big }}", "None||||18446744073709551615")]
    public void Printing_follows_str_and_repr(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ -7.5 % 2 }} {{ 4 / 2 }}", "-4 2 -2 0.5 2.0")]
    [TestCase("{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }}", "1024 0.5 64 4")]
    [TestCase("{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 == true }} {{ [1, 2] < [1, 3] }}", "True False True True")]
    [TestCase("{{ 'ab' * 2 }}{{ 2 * 'c' }} {{ [1] * 2 + [3] }} {{ 1 ~ 2 * 3 }}", "ababcc [1, 1, 3] 16")]
    [TestCase("{{ 'a' in 'abc' }} {{ 9 not in l }} {{ not 1 in l }} {{ 'a' in d }}", "True True False True")]
    [TestCase("{{ 'x' if false }}|{{ 'x' if 0 else 'y' if '' else 'z' }}|{{ 0 or 'o' }}|{{ '' and 1 }}", "|z|o|")]
    [TestCase("{{ true + 1 }} {{ -1 | abs }} {{ -l[0] }}", "2 1 -1")]
    [TestCase("{{ 0x1F + 0b11 + 0o17 + 1_000 }} {{ 0 }} {{ 0xff_ff }}", "1049 0 65535")]
    [TestCase(@"{{ 'a' ""b"" 'c' }} {{ '\x41\u00e9\d\'' }}", @"abc Aé\d'")]
    public void Operators_follow_Python(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{{ l[1:] }}{{ l[:-1] }}{{ l[::-1] }}{{ l[2:0:-1] }}{{ l[5:] }}", "[2, 3][1, 2][3, 2, 1][3, 2][]")]
    [TestCase("{% set t = messages[1].content %}{{ t | length }}{{ t[1] }}{{ t[1:] }}{{ t[::-1] }}", "3😀😀本本😀日")]
    [TestCase("{{ d.items is callable }}{{ d['items'] }}{{ d.a['b'] }}{{ l.0 }}{{ l[-1] }}", "True7113")]
    public void Subscripts_count_code_points_and_prefer_methods(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{% set x = 1 %}{% for i in l %}{{ x }}{% set x = i * 10 %}{{ x }} {% endfor %}{{ x }}", "110 120 130 1")]
    [TestCase("{% set n = namespace(c=0) %}{% for i in l %}{% set n.c = n.c + i %}{% endfor %}{{ n.c }}", "6")]
    [TestCase("{% if true %}{% set z = 5 %}{% endif %}{{ z }}{% set a, (b, c) = 1, (2, 3) %}{{ a }}{{ b }}{{ c }}", "5123")]
    [TestCase("{% set x %}<{{ 1 }}>{% endset %}{{ x }}{% set y | upper %}ab{% endset %}{{ y }}", "<1>AB")]
    [TestCase("{% macro m() %}{{ v }}{% endmacro %}{% set v = 5 %}{{ m() }}{% for v in l %}{{ m() }}{% endfor %}", "5555")]
    [TestCase("{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}", "3False")]
    public void Names_are_scoped(string source, string expected) => Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{% for i in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.length }},"
        + "{% endfor %}", "10323,21213,32103,")]
    [TestCase("{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }}{{ ', ' if not loop.last }}{% endfor %}",
        "<1>2, 1<2>3, 2<3>")]
    [TestCase("{% for i in range(9) if i is odd %}{{ loop.index }}/{{ loop.length }}={{ i }} {% endfor %}",
        "1/4=1 2/4=3 3/4=5 4/4=7 ")]
    [TestCase("{% set n = namespace(s=false) %}{% for i in l if not n.s %}{{ i }}{% set n.s = true %}{% endfor %}", "1")]
    [TestCase("{% for i in [] %}a{% else %}none{% endfor %}{% for i in missing %}a{% else %}none{% endfor %}", "nonenone")]
    [TestCase("{% for k, v in d | items %}{{ k }}={{ v }};{% endfor %}", "a={'b': 1};items=7;")]
    [TestCase("{% for i in range(6) %}{% if i == 1 %}{% continue %}{% elif i == 4 %}{% break %}{% endif %}{{ i }}"
        + "{% endfor %}", "023")]
    [TestCase("{% for i in l %}{% filter upper %}a{% if i > 1 %}{% break %}{% endif %}{% endfilter %}{% endfor %}", "A")]
    [TestCase("{% for i in l %}{{ i }}{% break %}{% else %}cut{% endfor %}{% for i in l %}{{ i }}{% else %}x{% endfor %}",
        "1cut123")]
    [TestCase("{% for i in l %}{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }}{% endfor %}", "aTruebTrueaFalse")]
    public void Loops_know_where_they_are(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{% macro m(a, b=a ~ 2, c=none) %}{{ a }}-{{ b }}-{{ c }};{% endmacro %}{{ m(1) }}{{ m(b=3, a=4) }}{{ m() }}",
        "1-12-None;4-3-None;-2-None;")]
    [TestCase("{% macro m(a) %}{{ a }}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, *[3], **{'z': 4}) }}",
        "1(2, 3){'z': 4}")]
    [TestCase("{% macro w(t) %}<{{ t }}>{{ caller(1) }}{% endmacro %}{% call(x) w('b') %}[{{ x }}]{% endcall %}", "<b>[1]")]
    [TestCase("{% macro f(n) %}{{ n }}{% if n %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(3) }}", "3210")]
    [TestCase("{% filter upper | replace('A', 'x') %}a{{ 'b' }}{% endfilter %}", "xB")]
    [TestCase("{% generation %}g{% set q = 1 %}{% endgeneration %}{{ q is defined }}", "gFalse")]
    public void Macros_calls_and_filter_blocks_work(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{{ {'k': [1, 2.0, none, 'é<\"\\n']} | tojson }}", """{"k": [1, 2.0, null, "é<\"\n"]}""")]
    [TestCase("{{ {'k': [1], 'e': []} | tojson(indent=2) }}", "{\n  \"k\": [\n    1\n  ],\n  \"e\": []\n}")]
    [TestCase("{{ {'b': 1, 'a': '😀'} | tojson(sort_keys=true, ensure_ascii=true, separators=(',', ':')) }}",
        """{"a":"\ud83d\ude00","b":1}""")]
    [TestCase("{{ {1: 2, none: 3, true: 4} | tojson }}{{ big | tojson }}", """{"1": 4, "null": 3}18446744073709551615""")]
    public void Tojson_writes_what_json_dumps_writes(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{{ ['b', 'A'] | sort }}{{ {'b': 1, 'A': 2} | dictsort }}{{ [1, 2] | sort(reverse=true) }}",
        "['A', 'b'][('A', 2), ('b', 1)][2, 1]")]
    [TestCase("{{ messages | selectattr('role', 'equalto', 'user') | map(attribute='content') | first }}", "日😀本")]
    [TestCase("{{ none | selectattr('a') | list }}{{ 0 | map('upper') | list }}", "[][]")]
    [TestCase("{{ [0, 1] | select | list }}{{ l | reject('odd') | join(',') }}{{ [1, 1, 2] | unique | list }}", "[1]2[1, 2]")]
    [TestCase("{{ [2.5 | round, 0.125 | round(2), 1234 | round(-2), 2.1 | round(0, 'ceil')] }}", "[2.0, 0.12, 1200, 3.0]")]
    [TestCase("{{ '3.9' | int }}{{ 'x' | int(5) }}{{ 'ff' | int(0, 16) }} {{ '1.5' | float }} {{ l | sum }}", "35255 1.5 6")]
    [TestCase("{{ 'a\\n\\nb' | indent }}|{{ 'a\\nb' | indent(2, true) }}", "a\n\n    b|  a\n  b")]
    [TestCase("{{ missing | default('d') }}{{ '' | default('e', true) }}{{ none | default('f') }}", "deNone")]
    [TestCase("{{ \"it's\" | title }}{{ 'aB c' | capitalize }}{{ 'xxaxx' | trim('x') }}", "It'sAb ca")]
    [TestCase("{{ ('<b>' | safe) + '<' }}{{ '<' | e }}{{ '<' ~ ('>' | safe) }}", "<b>&lt;&lt;<>")]
    [TestCase("{% for g in [{'a': 1}, {'a': 2}, {'a': 1}] | groupby('a') %}{{ g.grouper }}{{ g.list | length }},{% endfor %}",
        "12,21,")]
    public void Filters_follow_Jinja(string source, string expected) => Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{{ 1 is integer }}{{ true is integer }}{{ true is number }}{{ d is sequence }}{{ 'a' is iterable }}",
        "TrueFalseTrueTrueTrue")]
    [TestCase("{{ missing is defined }}{{ missing is none }}{{ none is none }}{{ (d.zz.y is defined) if false else 1 }}",
        "FalseFalseTrue1")]
    [TestCase("{{ 6 is divisibleby 3 }}{{ 1 is not odd }}{{ 1 is in [1] }}{{ 'a' is eq 'a' and 2 is even }}",
        "TrueFalseTrueTrue")]
    public void Tests_follow_Jinja(string source, string expected) => Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{{ ' a  b '.split() }}{{ 'a,b,c'.split(',', 1) }}{{ 'a,b,c'.rsplit(',', maxsplit=1)[-1] }}",
        "['a', 'b']['a', 'b,c']c")]
    [TestCase("{{ 'xaxb'.strip('xb') }}{{ '\\n a\\n'.lstrip('\\n').rstrip() }}{{ 'aaa'.replace('a', 'b', 2) }}", "a abba")]
    [TestCase("{{ 'abc'.startswith(('x', 'a')) }}{{ 'a😀b'.find('b') }}{{ \"it's\".title() }}{{ '-'.join('ab') }}",
        "True2It'Sa-b")]
    [TestCase("{% set p = 'ab' * 40 %}{{ ('ab' * 50 ~ 'c').find(p ~ 'c') }} {{ ('ab' * 60).rfind(p) }} "
        + "{{ ('ab' * 100).count(p) }} {{ (p ~ ',' ~ p).rsplit(p) }} {{ p ~ 'b' in 'ab' * 99 }}",
        "20 40 2 ['', ',', ''] False")]
    [TestCase("{{ 'abc'.find('', 3) }} {{ 'abc'.find('', 5) }} {{ 'abc'.count('', 4) }} {{ 'abc'.startswith('', 4) }}",
        "3 -1 0 False")]
    [TestCase("{{ '😀a😀'.strip('😀x') }}{{ 'a b  c '.rsplit(none, 1) }}{{ ' a b '.split(none, 1) }}",
        "a['a b', 'c']['a', 'b ']")]
    [TestCase("{{ d.get('zz', 3) }}{{ d.get('zz') }}{{ d.a.keys() }}{{ d.a.items() | list }}",
        "3Nonedict_keys(['b'])[('b', 1)]")]
    [TestCase("{{ '%s %05.1f %-3d|' % ('a', 2.25, 7) }}{{ '{:>4}{0!r}'.format('x') if false else '{0!r:>4}'.format('x') }}",
        "a 002.2 7  | 'x'")]
    public void Methods_follow_Python(string source, string expected) => Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("{% if false %}{{ 1 | shout }}{{ 1 is weird }}{% endif %}a", "a")]
    [TestCase("{{ 1 | shout if false else 'b' }} {{ 1 if true else 1 is weird }} {{ true or 1 | shout }}", "b 1 True")]
    [TestCase("{% if true %}a{% elif 1 is weird %}b{% else %}{{ 1 | shout(2) }}{% endif %}", "a")]
    [TestCase("{% if false %}{% set x | shout %}{% endset %}{% filter shout %}{% endfilter %}{% endif %}c", "c")]
    [TestCase("{% macro m() %}{{ 1 | shout }}{% endmacro %}{% for x in [] %}{{ x is weird }}{% endfor %}d", "d")]
    [TestCase("{{ [] | map('shout') | list }}{{ none | select('weird') | list }}", "[][]")]
    [TestCase("{{ 1 | shout if 'shout' is filter else 'none' }} {{ 'weird' is test }}", "none False")]
    public void An_unknown_filter_or_test_fails_only_where_it_is_reached(string source, string expected) =>
        Assert.That(Render(source), Is.EqualTo(expected));

    [TestCase("%d %b %Y", "02 Jan 2026")]
    [TestCase("%A, %-d %B %y %I:%M:%S %p %j %% %e", "Friday, 2 January 26 03:04:05 AM 002 %  2")]
    [TestCase("%F %T %U %V %W %G %u %w", "2026-01-02 03:04:05 00 01 00 2026 5 5")]
    public void Strftime_now_reads_the_clock(string format, string expected) =>
        Assert.That(Render("{{ strftime_now('" + format + "') }}"), Is.EqualTo(expected));
}
