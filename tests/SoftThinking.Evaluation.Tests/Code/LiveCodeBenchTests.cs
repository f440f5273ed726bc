using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

[TestFixture]
public sealed class LiveCodeBenchTests
{
    private const string Starter = "class Solution:\n    def addAll(self, values: List[int], extra: int) -> int:\n        ";

    private const string Solution = """
        ```python
        class Solution:
            def addAll(self, values: List[int], extra: int) -> int:
                return sum(values) + extra
        ```
        """;

    private const string Adder = "```python\nn = int(input())\nprint(sum(map(int, input().split())))\n```";

    private const string StdinTests = """[{"input": "2\n3 4\n", "output": "7\n", "testtype": "stdin"}]""";

    private const string CallTests = """[{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]""";

    private static JsonObject Item(string starter, params (string Key, JsonNode? Value)[] more)
    {
        JsonObject item = new() { ["question_id"] = "q1", ["starter_code"] = starter };
        foreach ((string key, JsonNode? value) in more)
            item[key] = value;
        return item;
    }

    private static async Task<Verdict> JudgeAsync(JsonObject item, string answer) =>
        await CodeJudge.JudgeAsync(CodeTask.FromLiveCodeBench(item), answer, await Sandboxes.UsualAsync());

    /// <summary>A text as private tests hold it: pickled, packed, and as base64.</summary>
    private static string Packed(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        using MemoryStream packed = new();
        using (ZLibStream stream = new(packed, CompressionLevel.Fastest))
        {
            stream.Write([0x80, 4, 0x95, .. BitConverter.GetBytes(bytes.Length + 7L), (byte)'X', .. BitConverter.GetBytes(bytes.Length)]);
            stream.Write([.. bytes, 0x94, (byte)'.']);
        }
        return Convert.ToBase64String(packed.ToArray());
    }

    [Test]
    public async Task WithoutTestsNothingIsDecided()
    {
        Verdict verdict = await JudgeAsync(Item(""), Adder);
        Assert.That((verdict.Outcome, verdict.Rule), Is.EqualTo((Outcome.Undecided, "tests.none")));
        Assert.That(verdict.Answer, Does.StartWith("n = int("));
        Assert.That((await JudgeAsync(Item(""), "no code")).Outcome, Is.EqualTo(Outcome.NoAnswer));
    }

    [Test]
    public async Task EveryFormOfStdinTestsIsRead()
    {
        JsonObject pair = new() { ["inputs"] = new JsonArray("2\n3 4\n"), ["outputs"] = new JsonArray("7\n") };
        JsonObject[] items =
        [
            Item("", ("public_test_cases", StdinTests)),
            Item("", ("public_test_cases", JsonNode.Parse(StdinTests))),
            Item("", ("private_test_cases", Packed(StdinTests))),
            Item("", ("input_output", pair.ToJsonString())),
            Item("", ("tests", pair.DeepClone())),
            Item("", ("public_test_cases", ""), ("tests", JsonNode.Parse("""[{"input": "2\n3 4\n", "output": "7.0"}]"""))),
        ];
        foreach (JsonObject item in items)
            Assert.That((await JudgeAsync(item, Adder)).Outcome, Is.EqualTo(Outcome.Correct), item.ToJsonString());
        Verdict wrong = await JudgeAsync(items[0], "```python\nprint(8)\n```");
        Assert.That((wrong.Outcome, wrong.Note), Is.EqualTo((Outcome.Wrong, "line 1 is \"8\", expected \"7\"")));
    }

    [Test]
    public async Task EveryFormOfCallsIsRead()
    {
        JsonObject pair = new()
        {
            ["fn_name"] = "addAll",
            ["inputs"] = new JsonArray("[1, 2]\n3", JsonNode.Parse("[[1, 2], 3]")),
            ["outputs"] = new JsonArray("6", 6),
        };
        JsonObject[] items =
        [
            Item(Starter, ("public_test_cases", CallTests)),
            Item("", ("metadata", """{"func_name": "addAll"}"""), ("private_test_cases", Packed(CallTests))),
            Item("", ("input_output", pair.ToJsonString())),
        ];
        foreach (JsonObject item in items)
            Assert.That((await JudgeAsync(item, Solution)), Has.Property("Outcome").EqualTo(Outcome.Correct), item.ToJsonString());
        Assert.That((await JudgeAsync(items[0], "```python\ndef addAll(a, b): return sum(a) + b\n```")).Outcome, Is.EqualTo(Outcome.Correct));
        Verdict wrong = await JudgeAsync(items[0], Solution.Replace("+ extra", "- extra"));
        Assert.That((wrong.Outcome, wrong.Note), Is.EqualTo((Outcome.Wrong, "returned 0, expected 6")));
        Verdict none = await JudgeAsync(items[0], "```python\nx = 1\n```");
        Assert.That((none.Outcome, none.Note), Is.EqualTo((Outcome.Wrong, "the code does not define addAll")));
    }

    [Test]
    public async Task TheFirstTestThatFailsIsNamed()
    {
        JsonArray tests = JsonNode.Parse("""[{"input": "2\n3 4", "output": "7"}, {"input": "x", "output": "7"}]""")!.AsArray();
        Verdict verdict = await JudgeAsync(Item("", ("tests", tests)), Adder);
        Assert.That(verdict.Note, Does.StartWith("test 2 of 2: failed with exit code 1: ValueError"));
    }

    [TestCase("public_test_cases", "[{\"input\": \"1\"}]", "\"output\" is missing.")]
    [TestCase("public_test_cases", "[3]", "\"public_test_cases\" must be a list of objects with \"input\" and \"output\".")]
    [TestCase("public_test_cases", "[{", "\"public_test_cases\" must hold JSON.")]
    [TestCase("private_test_cases", "@", "\"private_test_cases\" must hold JSON, or base64 of zlib data.")]
    [TestCase("private_test_cases", "QUJD", "\"private_test_cases\" must hold JSON, or base64 of zlib data.")]
    [TestCase("tests", "{\"inputs\": [\"1\"], \"outputs\": []}", "\"tests\" must have lists \"inputs\" and \"outputs\" of the same length.")]
    [TestCase("tests", "{\"inputs\": [1], \"outputs\": [\"1\"]}", "\"tests\" must have inputs and outputs that are texts.")]
    [TestCase("tests", "[{\"input\": \"1\", \"output\": \"1\", \"testtype\": \"x\"}]", "\"tests\" has a test of type \"x\"; known are stdin and functional.")]
    [TestCase("tests", "[{\"input\": \"1\", \"output\": \"1\", \"testtype\": \"functional\"}]", "\"tests\" calls a function that neither metadata nor starter_code names.")]
    public void TestsOfAnotherShapeNameTheKey(string key, string value, string message) =>
        Assert.That(
            () => CodeTask.FromLiveCodeBench(Item("", (key, value))),
            Throws.InstanceOf<FormatException>().With.Message.EqualTo(message));

    [TestCase(new byte[] { 0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x8c, 2, (byte)'h', (byte)'i', 0x94, (byte)'.' }, "hi")]
    [TestCase(new byte[] { 0x80, 4, 0x8d, 1, 0, 0, 0, 0, 0, 0, 0, (byte)'h', (byte)'.' }, "h")]
    [TestCase(new byte[] { 0x80, 4, 0x8c }, null)]
    [TestCase(new byte[] { 0x80, 4, 0x8d, 1, (byte)'.' }, null)]
    [TestCase(new byte[] { 0x80, 3, (byte)'X', 2, 0, 0, 0, (byte)'h', (byte)'i', (byte)'q', 0, (byte)'.' }, "hi")]
    [TestCase(new byte[] { 0x80, 3, (byte)'X', 255, 255, 255, 255, (byte)'h', (byte)'i', (byte)'q', 0, (byte)'.' }, null)]
    [TestCase(new byte[] { 0x80, 4, (byte)'c', (byte)'o', (byte)'s', 10, (byte)'s', (byte)'y', (byte)'s', 10, (byte)'.' }, null)]
    [TestCase(new byte[0], null)]
    public void OnlyAPickledTextIsUnderstood(byte[] pickle, string? text) =>
        Assert.That(LiveCodeBenchCases.PickledText(pickle), Is.EqualTo(text));

    [Test]
    public void TheExportIsWhatTheEvaluatorReads()
    {
        using MemoryStream stream = new();
        LiveCodeBenchExport.Write(stream, [new("abc_b", ["print(\"ä\")", null]), new("3517", ["x"])]);
        JsonNode read = JsonNode.Parse(stream.ToArray())!;
        Assert.That(JsonNode.DeepEquals(read, JsonNode.Parse("""
            [{"question_id": "abc_b", "code_list": ["print(\"ä\")", ""]}, {"question_id": "3517", "code_list": ["x"]}]
            """)), read.ToJsonString());
        Assert.That(() => LiveCodeBenchExport.Write(stream, [new("a", []), new("a", [])]), Throws.ArgumentException);
    }
}
