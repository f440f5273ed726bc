namespace SoftThinking.Evaluation.Datasets;

/// <summary>The user's message for an item: the instructions that Soft Thinking was published with (arXiv 2505.15778), and the
/// question.</summary>
public static class BenchmarkPrompt
{
    /// <summary>Where a template has the question.</summary>
    public const string Placeholder = "{question}";

    private const string Math = "Please reason step by step, and put your final answer within \\boxed{}.\n\n{question}";

    private const string Choice =
        "Please solve the following multiple-choice question. Please show your choice in the answer field with only the choice letter, "
        + "e.g.,\"answer\": \"C\".\n\n{question}";

    private const string HumanEval =
        "Please solve the programming task below in Python. Code should be wrapped in a markdown code block.\n\n```python\n{question}\n```";

    private const string Mbpp =
        "Please solve the programming task with test cases below in Python. Make sure your code satisfies the following requirements:\n"
        + "1. The function name and signature must match exactly as specified in the test cases.\n"
        + "2. Your code should be wrapped in a markdown code block without including any test cases.\n\n"
        + "Task:\n{question}\n\nTest Cases:\n```python\n{tests}\n```";

    private const string LiveCodeBench =
        "You will be given a question (problem specification) and will generate a correct Python program that matches the specification "
        + "and passes all tests.\n\n{question}\n\n";

    private const string WithStarter =
        "You will use the following starter code to write the solution to the problem and enclose your code within delimiters.\n"
        + "```python\n{starter}\n```";

    private const string WithoutStarter =
        "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample inputs). "
        + "Enclose your code within delimiters as follows. Ensure that when the python program runs, it reads the inputs, runs the "
        + "algorithm and writes output to STDOUT.\n```python\n# YOUR CODE HERE\n```";

    /// <summary>The message for an item.</summary>
    /// <param name="kind">The kind of its data set.</param>
    /// <param name="item">The item, with its options in the order in which they are shown.</param>
    /// <param name="template">A text with <see cref="Placeholder"/> in place of the published instructions; null for those.</param>
    public static string For(BenchmarkKind kind, BenchmarkItem item, string? template = null)
    {
        ArgumentNullException.ThrowIfNull(item);
        return template != null ? Fill(template, Placeholder, item.Question) : kind switch
        {
            BenchmarkKind.Math => Fill(Math, Placeholder, item.Question),
            BenchmarkKind.Choice => Fill(Choice, Placeholder, item.Question),
            BenchmarkKind.HumanEval => Fill(HumanEval, Placeholder, item.Question),
            BenchmarkKind.Mbpp => Fill(Fill(Mbpp, "{tests}", Tests(item)), Placeholder, item.Question),
            BenchmarkKind.LiveCodeBench => Fill(LiveCodeBench + Format(item), Placeholder, item.Question),
            _ => throw new ArgumentOutOfRangeException(nameof(kind)),
        };
    }

    private static string Format(BenchmarkItem item) =>
        (string?)item.Reference["starter_code"] is { Length: > 0 } starter ? Fill(WithStarter, "{starter}", starter) : WithoutStarter;

    private static string Tests(BenchmarkItem item) =>
        string.Join('\n', item.Reference["test_list"]!.AsArray().Select(test => (string)test!));

    // The first place only: what is filled in may hold braces of its own.
    private static string Fill(string template, string placeholder, string text)
    {
        int at = template.IndexOf(placeholder, StringComparison.Ordinal);
        return at < 0 ? template : string.Concat(template.AsSpan(0, at), text, template.AsSpan(at + placeholder.Length));
    }
}
