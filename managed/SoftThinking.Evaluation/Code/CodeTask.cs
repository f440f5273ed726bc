using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Code;

/// <summary>A problem with the tests that an answer must pass.</summary>
public sealed class CodeTask
{
    private CodeTask(string id, IReadOnlyList<CodeCheck> checks) => (Id, Checks) = (id, checks);

    /// <summary>Name of the problem in its benchmark.</summary>
    public string Id { get; }

    /// <summary>Whether the file holds tests for this problem.</summary>
    public bool HasTests => Checks.Count > 0;

    /// <summary>The checks in order, each a run of its own.</summary>
    internal IReadOnlyList<CodeCheck> Checks { get; }

    /// <summary>A problem of HumanEval: the answer completes a function, or repeats it as a whole.</summary>
    /// <param name="reference">Object with task_id, test and entry_point.</param>
    /// <param name="header">The question: imports, helpers, and the function's header with its docstring.</param>
    /// <exception cref="FormatException">A key is missing or of another type; the message names it.</exception>
    public static CodeTask FromHumanEval(JsonNode reference, string header)
    {
        JsonObject item = ReferenceReader.Object(reference);
        JsonObject task = new()
        {
            ["kind"] = "humaneval",
            ["header"] = header,
            ["entry_point"] = ReferenceReader.Text(item, "entry_point"),
            ["test"] = ReferenceReader.Text(item, "test"),
        };
        return new CodeTask(ReferenceReader.Text(item, "task_id"), [new HarnessCheck(task)]);
    }

    /// <summary>A problem of MBPP: assertions that follow the answer.</summary>
    /// <param name="reference">Object with task_id, test_list and test_import.</param>
    /// <exception cref="FormatException">A key is missing or of another type; the message names it.</exception>
    public static CodeTask FromMbpp(JsonNode reference)
    {
        JsonObject item = ReferenceReader.Object(reference);
        IReadOnlyList<string> tests = ReferenceReader.Texts(item, "test_list");
        if (tests.Count == 0)
            throw new FormatException("\"test_list\" is empty: without tests nothing can be judged.");
        JsonObject task = new()
        {
            ["kind"] = "asserts",
            ["imports"] = Array(item.ContainsKey("test_import") ? ReferenceReader.Texts(item, "test_import") : []),
            ["tests"] = Array(tests),
        };
        return new CodeTask(ReferenceReader.Text(item, "task_id"), [new HarnessCheck(task)]);
    }

    /// <summary>
    /// A problem of LiveCodeBench. The published file holds no tests, and <see cref="HasTests"/> is false then; tests in one
    /// of the benchmark's own forms are used: public_test_cases and private_test_cases, input_output, or tests.
    /// </summary>
    /// <param name="reference">Object with question_id, and starter_code where a function is asked for.</param>
    /// <exception cref="FormatException">A key is missing or of another type, or tests cannot be read.</exception>
    public static CodeTask FromLiveCodeBench(JsonNode reference)
    {
        JsonObject item = ReferenceReader.Object(reference);
        return new CodeTask(ReferenceReader.Text(item, "question_id"), LiveCodeBenchCases.Read(item));
    }

    private static JsonArray Array(IReadOnlyList<string> texts) => [.. texts.Select(text => (JsonNode)text)];
}

/// <summary>One run of an answer.</summary>
internal abstract record CodeCheck;

/// <summary>The answer together with tests in harness.py.</summary>
internal sealed record HarnessCheck(JsonObject Task) : CodeCheck;

/// <summary>The answer as a program: what it reads, and what it must write.</summary>
internal sealed record OutputCheck(string Input, string Expected) : CodeCheck;
