using NUnit.Framework;
using SoftThinking.Chat;
using static SoftThinking.Chat.ToolCallSyntax;

namespace SoftThinking.Tests.Chat;

/// <summary>Tool calls in answers, as models write them.</summary>
public class ToolCallParserTests
{
    private static readonly object[][] Answers =
    [
        // Hermes and Qwen
        [Hermes, "Hello <b>you</b>.", "Hello <b>you</b>."],
        [Hermes, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>", "[f {\"x\": 1}]"],
        [Hermes, "A <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call> B", "A  B[f {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>\n<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>", "\n[f {}][g {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {}}\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>", "[f {}][g {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {}}\n<tool_call>{\"name\": \"g\", \"arguments\": {}}", "\n[f {}][g {}]"],
        [Hermes, "<<tool_call><tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>", "<<tool_call>[f {}]"],
        [Hermes, "<tool_call>{\"arguments\": {\"x\": [1, {\"y\": null}]}, \"name\": \"f\"}</tool_call>", "[f {\"x\": [1, {\"y\": null}]}]"],
        [Hermes, "<tool_call>{\"name\": \"f\"}</tool_call>", "[f {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": null}</tool_call>", "[f {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": \"\"}</tool_call>", "[f {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"parameters\": { }}</tool_call>", "[f { }]"],
        [Hermes, "<tool_call>{\"id\": [7.5e-3], \"name\": \"f\", \"type\": {\"name\": 1}, \"arguments\": {}, \"more\": 0}</tool_call>", "[f {}]"],
        [Hermes, "<tool_call>{\"n\\u0061me\": \"f\\u00e9\\n\", \"arguments\": {}}</tool_call>", "[fé\n {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": \" {\\\"x\\\": \\\"a\\\\n\\\\\\\"b\\\\u00e9\\\\\\\\\\\"}\\n\"}</tool_call>", "[f {\"x\": \"a\\n\\\"b\\u00e9\\\\\"}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"x\\\": \\\"\\ud83d\\ude00😀\\n\\\"}\"}</tool_call>", "[f {\"x\": \"\\ud83d\\ude00\\ud83d\\ude00\\u000a\"}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \"a\nb\"}}</tool_call>", "[f {\"x\": \"a\\u000ab\"}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \"</tool_call>😀\\ud83d\"}}</tool_call>.", ".[f {\"x\": \"</tool_call>😀\\ud83d\"}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1}\n</tool_call>.", ".[f {\"x\": 1}]"], // a brace is missing
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool", "[f {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {}} and more", " and more[f {}]"],
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": [1, 2", "[f {\"x\": [1, 2]"], // truncated
        [Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1.}}</tool_call>", "}}</tool_call>[f {\"x\": 1.]"], // breaks off

        // Llama
        [Llama, "{\"name\": \"f\", \"parameters\": {\"x\": \"1\"}}", "[f {\"x\": \"1\"}]"],
        [Llama, "\n\n{\"type\": \"function\", \"name\": \"f\", \"arguments\": {}}\n", "[f {}]"],
        [Llama, "{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}", "[f {}][g {}]"],
        [Llama, "{\"name\": \"f\", \"parameters\": {}}; {\"a\": 1}", "; {\"a\": 1}[f {}]"],
        [Llama, "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}", "[f {}]"],
        [Llama, "I call <|python_tag|>{\"name\": \"f\"}", "I call [f {}]"],
        [Llama, "<|python_tag|>search.call(query=\"x\")", "<|python_tag|>search.call(query=\"x\")"],
        [Llama, "The object {\"name\": \"f\", \"parameters\": {}}", "The object {\"name\": \"f\", \"parameters\": {}}"],
        [Llama, "{\"name\": \"Ada\", \"born\": 1815}", "{\"name\": \"Ada\", \"born\": 1815}"],
        [Llama, "{\"name\": \"Ada\"}", "{\"name\": \"Ada\"}"],
        [Llama, "{\"name\": \"Ada\", \"parameters\": 5}", "{\"name\": \"Ada\", \"parameters\": 5}"],
        [Llama, " {}", " {}"],
        [Llama, "{", "{"],

        // Mistral
        [Mistral, "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"x\": 1}}, {\"name\": \"g\", \"arguments\": {}}]", "[f {\"x\": 1}][g {}]"],
        [Mistral, "Yes.[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {}, \"id\": \"123456789\"}] And", "Yes. And[f {}]"],
        [Mistral, "[TOOL_CALLS]f[ARGS]{\"x\": \"[ARGS]\"}[TOOL_CALLS]g-2[CALL_ID]abc123DEF[ARGS] {}", "[f {\"x\": \"[ARGS]\"}][g-2 {}]"],
        [Mistral, "[TOOL_CALLS]f{\"x\": 1}!", "![f {\"x\": 1}]"],
        [Mistral, "[TOOL_CALLS] f [ARGS]{}", "[TOOL_CALLS] f [ARGS]{}"],
        [Mistral, "[TOOL_CALLS][ARGS]{}", "[TOOL_CALLS][ARGS]{}"],
        [Mistral, "[TOOL_CALLS] []", "[TOOL_CALLS] []"],
        [Mistral, "[TOOL[TOOL_CALLS]f[ARGS]{\"a\": tru", "[TOOL[f {\"a\": tru]"],
        [Mistral, "see [1] and [TOOL", "see [1] and [TOOL"],

        [None, "<tool_call>{\"name\": \"f\"}</tool_call>", "<tool_call>{\"name\": \"f\"}</tool_call>"],
    ];

    /// <summary>Of these nothing is passed on as a call.</summary>
    private static readonly string[] Malformed =
    [
        "{}", "{\"name\": 1, \"arguments\": {}}", "{\"name\": \"\", \"arguments\": {}}", "{\"name\": \"f\", \"arguments\": []}", "{\"name\": \"f\", \"arguments\": 1}",
        "{\"name\": \"f\", \"arguments\": \"x\"}", "{\"name\": \"f\", \"arguments\": true}", "{\"arguments\": {}}", "{\"arguments\": {}", "{\"name\": \"f\", \"name\": \"g\"}",
        "{\"arguments\": {}, \"parameters\": {}, \"name\": \"f\"}", "{name: \"f\"}", "{\"name\": \"f\",}", "{\"name\" \"f\"}", "{\"name\": \"\\x\"}", "{\"x\": 01, \"name\": \"f\"}",
        "{\"x\": -, \"name\": \"f\"}", "{\"x\": 1e, \"name\": \"f\"}", "{\"x\": nul, \"name\": \"f\"}", "{\"x\": [1 2], \"name\": \"f\"}", "{\"x\": [1}, \"name\": \"f\"}",
        "{\"arguments\": \"{\\\"x\\\": 1\", \"name\": \"f\"}", "[{\"name\": \"f\"}]", "f(x)", "",
    ];

    [TestCaseSource(nameof(Answers))]
    public void CallsAreSeparatedFromText(ToolCallSyntax syntax, string answer, string expected)
    {
        Assert.That(new ParsedAnswer(syntax, answer).ToString(), Is.EqualTo(expected), "as a whole");
        Assert.That(new ParsedAnswer(syntax, answer.EnumerateRunes().Select(rune => rune.ToString())).ToString(), Is.EqualTo(expected), "by characters");
    }

    [TestCaseSource(nameof(Malformed))]
    public void AMalformedCallRemainsText(string call)
    {
        foreach (string answer in new[] { $"A <tool_call>{call}</tool_call> B", $"<tool_call>\n{call}" })
            Assert.That(new ParsedAnswer(Hermes, answer).ToString(), Is.EqualTo(answer));
    }

    [Test]
    public void SpecialTokensAreMarks()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Read(Mistral, "Yes", ParsedAnswer.ToolCalls, " [{\"name\": \"f\", \"arguments\": {}}]").ToString(), Is.EqualTo("Yes[f {}]"));
            Assert.That(Read(Mistral, ParsedAnswer.ToolCalls, "f", ParsedAnswer.Args, "{\"x\": 1}", ParsedAnswer.ToolCalls, "g", ParsedAnswer.CallId, "1", ParsedAnswer.Args, "{}").ToString(),
                Is.EqualTo("[f {\"x\": 1}][g {}]"));
            Assert.That(Read(Mistral, ParsedAnswer.Args, "a", ParsedAnswer.ToolCalls, "what is", ParsedAnswer.Args, "{}").ToString(), Is.EqualTo("awhat is{}"), "what is no call stays as it is");
            Assert.That(Read(Mistral, ParsedAnswer.ToolCalls, "f[ARGS]{\"a\": ", ParsedAnswer.ToolCalls, "g[ARGS]{}").ToString(), Is.EqualTo("[f {\"a\": ][g {}]"));
            Assert.That(Read(Llama, "\n", ParsedAnswer.PythonTag, "{\"name\": \"f\"}").ToString(), Is.EqualTo("\n[f {}]"));
            Assert.That(Read(Hermes, "a<", ParsedAnswer.Begin, "{\"name\": \"f\"}", ParsedAnswer.End, "b", ParsedAnswer.End).ToString(), Is.EqualTo("a<b[f {}]"));
        });
    }

    [Test]
    public void ACallIsPassedOnAsItArrives()
    {
        ParsedAnswer answer = new(Hermes, "I", " ask.", "<tool", "_call>", "{\"name\": \"f\"", ", \"arguments\":", " {", "\"x\": ", "1}", "}", "</tool_call>");
        Assert.That(answer.Steps.Select(step => step.Content + string.Concat(step.Calls.Select(call => $"({call.Index} {call.Name}|{call.Arguments})"))),
            Is.EqualTo(new[] { "I", " ask.", "", "", "", "", "(0 f|)(0 |{)", "(0 |\"x\": )", "(0 |1})", "", "", "" }));
    }

    [Test]
    public void ArgumentsBeforeTheNameAreHeldBack()
    {
        ParsedAnswer answer = new(Hermes, "<tool_call>{\"arguments\": {\"x\": 1", "}, \"name\": \"f", "\"", "}</tool_call>");
        Assert.That(answer.Steps.Select(step => string.Concat(step.Calls.Select(call => $"({call.Name}|{call.Arguments})"))),
            Is.EqualTo(new[] { "", "", "(f|)(|{\"x\": 1})", "", "" }));
    }

    /// <summary>Of other JSON no more than needed is held back.</summary>
    [Test]
    public void OtherJsonIsPassedOnAsItArrives()
    {
        ParsedAnswer answer = new(Llama, "{", "\"answer", "\"", ": 4", "2}");
        Assert.That(answer.Steps.Select(step => step.Content), Is.EqualTo(new[] { "", "", "{\"answer\"", ": 4", "2}", "" }));
    }

    [TestCase(Hermes, "<tool_call>{\"name\": \"f\"}</tool_call><tool_call>{\"name\": \"f\"}</tool_call>", "^call_[0-9A-Za-z]{24}$")]
    [TestCase(Llama, "<|python_tag|>{\"name\": \"f\"}; {\"name\": \"f\"}", "^call_[0-9A-Za-z]{24}$")]
    [TestCase(Mistral, "[TOOL_CALLS][{\"name\": \"f\"}, {\"name\": \"f\"}]", "^[0-9A-Za-z]{9}$")]
    public void IdsAreRandom(ToolCallSyntax syntax, string calls, string form)
    {
        ParsedAnswer answer = new(syntax, calls);
        Assert.That(answer.Count, Is.EqualTo(2));
        Assert.That(answer.Ids, Is.Unique.And.All.Match(form));
    }

    [Test]
    public void NestingIsLimited()
    {
        Assert.That(new ParsedAnswer(Hermes, Nested(JsonScanner.MaxDepth - 2)).Content, Is.Empty);
        Assert.That(new ParsedAnswer(Hermes, Nested(JsonScanner.MaxDepth - 1)).Content, Does.StartWith("[]"));

        static string Nested(int lists) => $"<tool_call>{{\"name\": \"f\", \"arguments\": {{\"x\": {new string('[', lists)}{new string(']', lists)}}}}}</tool_call>";
    }

    /// <summary>With work that grows as the square of the length this would take very long.</summary>
    [TestCase(Hermes, "<tool_call>")]
    [TestCase(Hermes, "<tool_call>{\"name\": \"f\"}")]
    [TestCase(Hermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": \"")]
    [TestCase(Hermes, "\n")]
    [TestCase(Llama, "{\"name\": \"f\", \"parameters\": {}};")]
    [TestCase(Mistral, "[TOOL_CALLS]f")]
    [TestCase(Mistral, "[TOOL_CALLS]f[ARGS]{}")]
    public void LongAnswersAreRead(ToolCallSyntax syntax, string part)
    {
        string answer = string.Concat(Enumerable.Repeat(part, 200_000 / part.Length));
        string whole = new ParsedAnswer(syntax, answer).ToString();
        Assert.That(new ParsedAnswer(syntax, AnswerTokens.Pieces(answer, new Random(1), 4)).ToString(), Is.EqualTo(whole));
    }

    private static ParsedAnswer Read(ToolCallSyntax syntax, params object[] tokens) =>
        new(syntax, tokens.Select(token => token is int id ? AnswerTokens.Of("", id) : AnswerTokens.Of((string)token)));
}
