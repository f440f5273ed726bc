using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

/// <summary>Small problems of both kinds, honest and dishonest answers.</summary>
[TestFixture]
public sealed class CodeJudgeTests
{
    private const string Header = "from typing import List\n\n\ndef twice(n: int) -> int:\n    return 2 * n\n\n\n"
        + "def total(values: List[int]) -> int:\n    \"\"\" Sum of doubled values.\n    >>> total([1])\n    2\n    \"\"\"\n";

    private const string Test = "def check(candidate):\n    assert candidate([1, 2]) == 6\n    assert candidate([]) == 0, 'empty'\n";

    private static readonly CodeTask Total = CodeTask.FromHumanEval(
        new JsonObject { ["task_id"] = "T/1", ["entry_point"] = "total", ["test"] = Test }, Header);

    private static readonly CodeTask Square = CodeTask.FromMbpp(new JsonObject
    {
        ["task_id"] = 7,
        ["test_list"] = new JsonArray("assert square(2) == 4", "assert math.isclose(square(1.5), 2.25)"),
        ["test_import"] = new JsonArray("import math"),
    });

    private static async Task<Verdict> JudgeAsync(CodeTask task, string code) =>
        await CodeJudge.JudgeAsync(task, $"Here:\n```python\n{code}\n```\nDone.", await Sandboxes.UsualAsync());

    [TestCase("def total(values: List[int]) -> int:\n    return sum(map(twice, values))")]
    [TestCase("from typing import List\ndef helper(v): return 2 * v\ndef total(values):\n    return sum(map(helper, values))")]
    [TestCase("total = lambda values: 2 * sum(values)", Category = "Slow")]
    [TestCase("    result = 0\n    for value in values:\n        result += twice(value)\n    return result", Description = "only the body")]
    [TestCase("result = 0\n    for value in values:\n        result += twice(value)\n    return result", Description = "a stripped body")]
    [TestCase("result = 0\nfor value in values:\n    result += twice(value)\nreturn result", Description = "a body in column 0")]
    [TestCase("return sum(twice(value) for value in values)")]
    [TestCase("from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int\n"
        + "def total(values):\n    return A(2 * sum(values)).x", Category = "Slow")]
    [TestCase("def total(values):\n    return 2 * sum(values)\n\nif __name__ == '__main__':\n    raise SystemExit(1)", Category = "Slow")]
    [TestCase("def total(values):\n    return 2 * sum(values)\nprint('noise', total([3]))", Category = "Slow")]
    public async Task ACompletionIsCorrectInEveryForm(string code)
    {
        Verdict verdict = await JudgeAsync(Total, code);
        Assert.That((verdict.Outcome, verdict.Rule), Is.EqualTo((Outcome.Correct, "tests")), verdict.Note);
        Assert.That(verdict.Answer, Is.EqualTo(code + "\n"));
    }

    [TestCase("def total(values):\n    return sum(values)", "tests: AssertionError")]
    [TestCase("def total(values):\n    return 2 * sum(values) if values else 1", "tests: AssertionError: empty", Category = "Slow")]
    [TestCase("    return sum(values)", "tests: AssertionError")]
    [TestCase("def other(values):\n    return 2 * sum(values)", "the code does not define total")]
    [TestCase("print(2 * 3)", "the code does not define total", Description = "the docstring of the header is no answer")]
    [TestCase("x = = 1", "the code does not compile: invalid syntax (answer, line 1)")]
    [TestCase("def total(values):\n    return values.missing", "tests: AttributeError: 'list' object has no attribute 'missing'", Category = "Slow")]
    [TestCase("raise ValueError('x')", "answer: ValueError: x", Category = "Slow")]
    [TestCase("def total(values):\n    while True: pass", "timed out after 1.5 s")]
    [TestCase("def total(values):\n    return bytearray(10 << 30)", "tests: MemoryError")]
    public async Task AWrongAnswerSaysWhy(string code, string note)
    {
        PythonSandbox sandbox = new((await Sandboxes.UsualAsync()).Plan, Sandboxes.Tight, "");
        Verdict verdict = await CodeJudge.JudgeAsync(Total, $"```python\n{code}\n```", sandbox);
        Assert.That((verdict.Outcome, verdict.Rule, verdict.Note), Is.EqualTo((Outcome.Wrong, "tests", note)));
    }

    [TestCase("import sys\nsys.exit(0)", "answer: the program ended itself with exit code 0")]
    [TestCase("def total(values):\n    raise SystemExit", "tests: the program ended itself with exit code None", Category = "Slow")]
    [TestCase("import os\nos._exit(0)", "the program ended before its tests had passed")]
    [TestCase("import os\ndef total(values): os._exit(0)", "the program ended before its tests had passed")]
    [TestCase("import os\nos.write(3, b'{\"token\": \"\", \"failure\": null}')\nos._exit(0)", null, Category = "Slow")]
    [TestCase("import os\nfor i in range(3, 20):\n    try:\n        os.write(i, b'{\"token\": \"x\", \"failure\": null}')\n"
        + "    except OSError:\n        pass\nos._exit(0)", "the program ended before its tests had passed")]
    [TestCase("import os\nfor i in range(3, 20):\n    try:\n        os.write(i, b'passed')\n    except OSError:\n        pass\nos._exit(0)", null, Category = "Slow")]
    [TestCase("print('PASSED', 'ok', 0)\nimport os\nos._exit(0)", "the program ended before its tests had passed")]
    [TestCase("def check(candidate): pass\ndef total(values): return 1", "tests: AssertionError")]
    [TestCase("import os, sys\nfor i in range(64):\n    try: os.close(i)\n    except OSError: pass\ndef total(values): return 1", null, Category = "Slow")]
    [TestCase("import __main__\n__main__.stage = lambda *args: None\n__main__.Failure = None\ndef total(values): return 1", null)]
    [TestCase("import sys\nprint(sys.stdin.read())\nf = sys._getframe()\nfound = []\nwhile f:\n    found += [v for v in f.f_locals.values() "
        + "if isinstance(v, str) and len(v) == 32]\n    f = f.f_back\nassert found, 'nothing'", "answer: AssertionError: nothing")]
    [TestCase("import threading\nthreading.Thread.join = lambda *args: None\nraise SystemExit(0)", null, Category = "Slow")]
    public async Task NoTrickPasses(string code, string? note)
    {
        Verdict verdict = await JudgeAsync(Total, code);
        Assert.That(verdict.Outcome, Is.EqualTo(Outcome.Wrong));
        if (note is not null)
            Assert.That(verdict.Note, Is.EqualTo(note));
    }

    [TestCase("def square(n): return n * n", null)]
    [TestCase("import numpy_is_not_there\ndef square(n): return n * n", "answer: ModuleNotFoundError: No module named 'numpy_is_not_there'", Category = "Slow")]
    [TestCase("def square(n): return pow(n, 2)\nCounter, gcd, List[int], deque, re.compile, itertools.chain, reduce", null,
        Description = "the usual imports are granted")]
    [TestCase("import os\ndef square(n): os._exit(0)", "the program ended before its tests had passed")]
    [TestCase("def square(n): return 4", "test 2 of 2: assert math.isclose(square(1.5), 2.25): AssertionError")]
    public async Task Assertions(string code, string? note)
    {
        Verdict verdict = await JudgeAsync(Square, code);
        Assert.That((verdict.Outcome, verdict.Note), Is.EqualTo((note is null ? Outcome.Correct : Outcome.Wrong, note)));
    }

    [Test]
    public async Task WithoutCodeThereIsNoAnswer()
    {
        Verdict verdict = await CodeJudge.JudgeAsync(Total, "I do not know.", await Sandboxes.UsualAsync());
        Assert.That((verdict.Outcome, verdict.Rule), Is.EqualTo((Outcome.NoAnswer, "code.none")));
    }

    [Test]
    public async Task AFailedSandboxDecidesNothing()
    {
        SandboxPlan plan = (await Sandboxes.UsualAsync()).Plan;
        PythonSandbox gone = new(plan with { Python = "/bin/true" }, new SandboxLimits(), "");
        Verdict verdict = await CodeJudge.JudgeAsync(Total, "```python\nreturn 1\n```", gone);
        Assert.That((verdict.Outcome, verdict.Rule), Is.EqualTo((Outcome.Undecided, "sandbox")));
        Assert.That(verdict.Note, Is.EqualTo("the sandbox failed: the launcher ended without an answer"));
    }

    [Test]
    public async Task CodeThatIsNoUnicodeIsJudged()
    {
        Verdict verdict = await JudgeAsync(Total, "def total(values):\n    '\ud800 é 🐍'\n    return 2 * sum(values)");
        Assert.That(verdict.Outcome, Is.EqualTo(Outcome.Correct), verdict.Note);
    }

    [TestCase("{}", "\"entry_point\" is missing.")]
    [TestCase("{\"entry_point\": [], \"task_id\": \"a\"}", "\"entry_point\" must be text.")]
    [TestCase("[]", "The reference of a code problem must be an object.")]
    public void HumanEvalOfAnotherShapeNamesTheKey(string json, string message) =>
        Assert.That(() => CodeTask.FromHumanEval(JsonNode.Parse(json)!, ""), Throws.InstanceOf<FormatException>().With.Message.EqualTo(message));

    [TestCase("{\"task_id\": 1}", "\"test_list\" is missing.")]
    [TestCase("{\"task_id\": 1, \"test_list\": [1]}", "\"test_list\" must be a list of texts.")]
    [TestCase("{\"task_id\": 1, \"test_list\": []}", "\"test_list\" is empty: without tests nothing can be judged.")]
    [TestCase("{\"test_list\": [\"assert True\"]}", "\"task_id\" is missing.")]
    public void MbppOfAnotherShapeNamesTheKey(string json, string message) =>
        Assert.That(() => CodeTask.FromMbpp(JsonNode.Parse(json)!), Throws.InstanceOf<FormatException>().With.Message.EqualTo(message));
}
