using System.Diagnostics;
using NUnit.Framework;
using SoftThinking.Templating;

namespace SoftThinking.Tests.Templating;

/// <summary>Errors name the template, the line and the reason; hostile templates end in an error too.</summary>
[TestFixture]
internal sealed class TemplateErrorTests
{
    [TestCase("a\n{% if true %}\nb", 3, "'endif' is missing (opened in line 2)")]
    [TestCase("\n{% for x in l %}{% endif %}", 2, "'endif' where 'else' or 'endfor'")]
    [TestCase("{% endif %}", 1, "closes nothing")]
    [TestCase("\n\n{{ 1 | shout }}", 3, "the filter 'shout' is not supported")]
    [TestCase("{% if true %}{% endif %}{{ (1 if true else 2) | shout }}", 1, "the filter 'shout' is not supported")]
    [TestCase("{{ 1 is\nweird }}", 2, "the test 'weird' is not supported")]
    [TestCase("{% include 'x' %}", 1, "the statement 'include' is not supported")]
    [TestCase("{% for x in l recursive %}{% endfor %}", 1, "recursive loops")]
    [TestCase("{% frobnicate %}", 1, "unknown statement 'frobnicate'")]
    [TestCase("{% break %}", 1, "outside a loop")]
    [TestCase("{% for i in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", 1, "outside a loop")]
    [TestCase("{{ 1 +", 1, "not closed by '}}'")]
    [TestCase("\n{# c", 2, "not closed by '#}'")]
    [TestCase("{{ 'abc", 1, "a string is not closed")]
    [TestCase("{% raw %} x", 1, "endraw")]
    [TestCase("{{ 1 $ 2 }}", 1, "unexpected character '$'")]
    [TestCase("{{ (1] }}", 1, "unexpected ']'")]
    [TestCase("{{ 1 2 }}", 1, "'2' where '}}' is expected")]
    [TestCase("{% set true = 1 %}", 1, "cannot assign")]
    [TestCase("{{ 99999999999999999999 }}", 1, "exceeds 64 bits")]
    [TestCase("{{ 0xZ }}", 1, "'0xZ' is not an integer")]
    public void Parse_refuses(string source, int line, string reason)
    {
        TemplateException error = Assert.Throws<TemplateException>(() => ChatTemplate.Parse(source, "t.jinja"))!;
        Assert.That(error.Template, Is.EqualTo("t.jinja"));
        Assert.That(error.Line, Is.EqualTo(line));
        Assert.That(error.Problem, Does.Contain(reason));
        Assert.That(error.Message, Does.StartWith($"t.jinja: line {line}: "));
    }

    [TestCase("a\n\n{{ raise_exception('no ' ~ 1) }}", 3, "no 1")]
    [TestCase("\n{{ missing.x }}", 2, "'missing' is undefined")]
    [TestCase("{{ d.zz.x }}", 1, "'dict object' has no attribute 'zz'")]
    [TestCase("{{ 'a'\n+ missing }}", 2, "'missing' is undefined")]
    [TestCase("{{ 'a' + 1 }}", 1, "can only concatenate str (not \"int\") to str")]
    [TestCase("{{ 1 < 'a' }}", 1, "'<' not supported between instances of 'int' and 'str'")]
    [TestCase("{{ 1 / 0 }}", 1, "division by zero")]
    [TestCase("{{ missing() }}", 1, "'missing' is undefined")]
    [TestCase("{{ d() }}", 1, "'dict' object is not callable")]
    [TestCase("{{ l.append(4) }}", 1, "access to attribute 'append' of 'list' object is unsafe.")]
    [TestCase("{% set d.a = 1 %}", 1, "'d': it is no namespace")]
    [TestCase("{% for a, b in [[1]] %}{% endfor %}", 1, "not enough values to unpack (expected 2, got 1)")]
    [TestCase("{% for a in 5 %}{% endfor %}", 1, "'int' object is not iterable")]
    [TestCase("{% macro m(a) %}\n{% endmacro %}\n{{ m(1, 2) }}", 3, "takes not more than 1 argument")]
    [TestCase("{% macro m() %}{% endmacro %}{% call m() %}{% endcall %}", 1, "takes no keyword argument 'caller'")]
    [TestCase("{{ l | indent }}", 1, "indent needs text, not list")]
    [TestCase("{{ l | join(x=1) }}", 1, "join() has no parameter 'x'")]
    [TestCase("{{ missing | tojson }}", 1, "Undefined is not JSON serializable")]
    [TestCase("{{ [2, 'a'] | sort }}", 1, "'<' not supported")]
    [TestCase("{{ 9223372036854775807 + 1 }}", 1, "exceeds 64 bits")]
    [TestCase("{{ cycler('a') }}", 1, "the function 'cycler' is not supported")]
    [TestCase("{{ 'a'.encode() }}", 1, "the method 'encode' of text is not supported")]
    [TestCase("{{ {(1, 2): 3} }}", 1, "a tuple as a key of a dict is not supported")]
    [TestCase("{% if true %}\n{{ 1 | shout }}{% endif %}", 2, "the filter 'shout' is not supported")]
    [TestCase("{% if false %}{% elif 1 is weird %}{% endif %}", 1, "the test 'weird' is not supported")]
    [TestCase("{{ (1 is weird) if true else 0 }}", 1, "the test 'weird' is not supported")]
    [TestCase("{% for x in l %}{{ x | shout }}{% endfor %}", 1, "the filter 'shout' is not supported")]
    [TestCase("{{ l | map('shout') | list }}", 1, "the filter 'shout' is not supported")]
    public void Rendering_fails(string source, int line, string reason)
    {
        TemplateException error = Assert.Throws<TemplateException>(() => TemplateSemanticsTests.Render(source))!;
        Assert.That(error.Line, Is.EqualTo(line));
        Assert.That(error.Problem, Does.Contain(reason));
    }

    private static IEnumerable<TestCaseData> Hostile()
    {
        yield return Case("nested loops", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}");
        yield return Case("long range", "{% for a in range(10000000000) %}{% endfor %}");
        yield return Case("output", "{% set x = 'x' * 1000000 %}{% for a in range(1000) %}{{ x }}{% endfor %}");
        yield return Case("doubling text", Doubling("'x'", "n.v ~ n.v"));
        yield return Case("doubling list", Doubling("[1]", "n.v + n.v"));
        yield return Case("printing shared lists", Doubling("[1]", "[n.v, n.v]") + "{{ n.v }}");
        yield return Case("comparing shared lists",
            Doubling("[1]", "[n.v, n.v]") + Doubling("[1]", "[m.v, m.v]", "m") + "{{ n.v == m.v }}");
        yield return Case("deep list", "{% set n = namespace(v=1) %}{% for a in range(99999) %}{% set n.v = [n.v] %}"
            + "{% endfor %}{% set m = n.v %}{{ m }}");
        yield return Case("cycle", "{% set n = namespace() %}{% set n.v = [n] %}{{ n }}");
        yield return Case("repeated text", "{{ 'abc' * 999999999999 }}");
        yield return Case("repeated list", "{{ [1] * 999999999999 }}");
        yield return Case("replace", "{% set x = 'a' * 100000 %}{{ x.replace('a', x) }}");
        yield return Case("split", "{% set x = 'a ' * 4000000 %}{{ x.split() | length }}{{ x.rsplit() | length }}");
        yield return Case("strip", "{% set x = 'a' * 8000000 %}{% for i in range(99999) %}{{ x.strip('b' * 99999 ~ 'a') }}"
            + "{% endfor %}");
        yield return Case("search", "{% set a = 'a' * 2000000 %}{% set p = a ~ 'b' ~ a %}{% for i in range(99) %}"
            + "{{ p in a * 7 }}{% endfor %}");
        yield return Case("backward search", "{% set a = 'a' * 2000000 %}{% set p = a ~ 'b' ~ a %}"
            + "{% for i in range(99) %}{{ (a * 7).rfind(p) }}{% endfor %}");
        yield return Case("length", "{% set x = 'a' * 9000000 %}{% for i in range(99999) %}{{ x | length }}{% endfor %}");
        yield return Case("keys", "{% set x = 'a' * 9000000 %}{% for i in range(99999) %}{% set d = {x: x in {x: 1}} %}"
            + "{% endfor %}");
        yield return Case("join", "{% set x = 'a' * 100000 %}{{ x | join(x) }}");
        yield return Case("indent", "{{ 'a' | indent(999999999999, true) }}");
        yield return Case("tojson", "{{ [1] | tojson(indent=999999999) }}");
        yield return Case("center", "{{ 'a'.center(2000000000) }}");
        yield return Case("format", "{{ '%999999999d' % 1 }}");
        yield return Case("long integers", "{% set x = '9' * 4300 %}{% for i in range(99999) %}{{ x | int }}{% endfor %}");
        yield return Case("long floats", "{% for i in range(99999) %}{% set x = '%.10000f' % 1e308 %}{% endfor %}");
        yield return Case("batch", "{{ [1] | batch(2000000000, 0) | list }}");
        yield return Case("slice", "{{ [1] | slice(2000000000) | list }}");
        yield return Case("power", "{{ 10 ** 1000000000 }}");
        yield return Case("macro recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
        yield return Case("macro explosion", "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
            + "{{ m(60) }}");
        yield return Case("parentheses", "{{ " + new string('(', 100_000) + "1" + new string(')', 100_000) + " }}");
        yield return Case("brackets", "{{ " + new string('[', 100_000));
        yield return Case("minus signs", "{{ " + string.Concat(Enumerable.Repeat("- ", 100_000)) + "1 }}");
        yield return Case("nots", "{{ " + string.Concat(Enumerable.Repeat("not ", 100_000)) + "1 }}");
        yield return Case("conditions", "{{ " + string.Concat(Enumerable.Repeat("1 if 0 else ", 100_000)) + "1 }}");
        yield return Case("ifs", string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000)));
        yield return Case("targets", "{% set " + new string('(', 100_000));
        yield return Case("long sum", "{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 200_000)) + " }}");
        yield return Case("filters", "{{ 1" + string.Concat(Enumerable.Repeat("|e", 400_000)) + " }}");

        static TestCaseData Case(string name, string source) => new TestCaseData(source).SetArgDisplayNames(name);

        static string Doubling(string start, string step, string name = "n") =>
            $"{{% set {name} = namespace(v={start}) %}}{{% for a in range(60) %}}{{% set {name}.v = {step} %}}{{% endfor %}}";
    }

    [TestCaseSource(nameof(Hostile))]
    public void A_hostile_template_ends_in_an_error(string source)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Assert.Throws<TemplateException>(() => TemplateSemanticsTests.Render(source));
        Assert.That(watch.Elapsed, Is.LessThan(TimeSpan.FromSeconds(30)));
    }

    /// <summary>Damages a template that uses most of the language in random places: whatever comes out, it either
    /// renders or fails with an error of its own.</summary>
    [Test]
    public void A_damaged_template_renders_or_fails_in_order([Range(0, 9)] int seed)
    {
        const string Whole = """
            {%- macro m(a, b=2) -%}{{ a ~ b | string }}{{ caller(a) if caller }}{% if a %}{{ m(a - 1) }}{% endif %}{%- endmacro -%}
            {% set n = namespace(x=[1, 2.5], y={'k': none}) %}{% for i, v in d | items if v is not none %}
            {{ loop.index }}{{ v[::-1] if v is string else v | tojson(indent=2) }}{% set n.x = n.x + [i] %}
            {% endfor %}{% filter upper | indent(3) %}{{ n.x | map('string') | join(', ') }}{% endfilter %}
            {% call(x) m(3) %}{{ x }}{% endcall %}{{ '%05.2f|%s' % (l | sum / 7, messages[1].content.split('x')) }}
            {{ l | sort(reverse=true) | first ** 2 // 3 % 5 <= 4 }}{{ '{:>5}'.format(d.a.get('b')) }}{# c #}
            {% raw %}{{{% endraw %}{{ range(3, 9, 2) | list | batch(2, 0) | list }}{% set q, w = 1, 'é' %}{{ q is odd }}
            """;
        string[] pieces = ["{", "}", "%", "{{", "}}", "{%", "%}", "-", "'", "(", ")", "[", "]", ".", "|", "9", " is ",
            " not ", "endfor", "n.x", "*", "**", ",", ":", "~", "\\", "{#", " if ", "none", "l", "d", "0", "-1"];
        Random random = new(seed);
        int rendered = 0;
        for (int i = 0; i < 1000; i++)
        {
            string source = Whole;
            for (int edits = random.Next(1, 4); edits > 0; edits--)
            {
                int at = random.Next(source.Length);
                int removed = random.Next(2) == 0 ? 0 : Math.Min(random.Next(1, 6), source.Length - at);
                source = source.Remove(at, removed).Insert(at, random.Next(3) == 0 ? "" : random.GetItems(pieces, 1)[0]);
            }
            try
            {
                TemplateSemanticsTests.Render(source);
                rendered++;
            }
            catch (TemplateException)
            {
            }
            catch (Exception error)
            {
                Assert.Fail($"{error.GetType().Name} from: {source}\n{error}");
            }
        }
        Assert.That(rendered, Is.GreaterThan(10), "the damage leaves some templates whole");
    }
}
