using System.Text.Json.Nodes;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Datasets;

/// <summary>What kind of answer a data set asks for.</summary>
public enum BenchmarkKind
{
    /// <summary>A value or expression in a box.</summary>
    Math,

    /// <summary>The letter of an option.</summary>
    Choice,

    /// <summary>A Python function whose header is given, in the form of HumanEval.</summary>
    HumanEval,

    /// <summary>A Python function that passes a list of assertions, in the form of MBPP.</summary>
    Mbpp,

    /// <summary>A Python program or method, in the form of LiveCodeBench.</summary>
    LiveCodeBench,
}

/// <summary>A problem with its reference.</summary>
public sealed record BenchmarkItem
{
    /// <summary>Position in the data set, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The question as it stands in the file.</summary>
    public required string Question { get; init; }

    /// <summary>"final_answer": text, or an object for code.</summary>
    public required JsonNode Reference { get; init; }

    /// <summary>The options by letter, A first; null where there are none.</summary>
    public IReadOnlyDictionary<string, string>? Choices { get; init; }

    /// <summary>What the item is grouped by in reports, such as "terms" = "3"; empty for nothing.</summary>
    public IReadOnlyDictionary<string, string> Groups { get; init; } = new Dictionary<string, string>();

    /// <summary>The tests that an answer must pass; null where the answer is no code.</summary>
    /// <exception cref="FormatException">The reference has another shape; the message names the key.</exception>
    internal CodeTask? ToCodeTask(BenchmarkKind kind) => kind switch
    {
        BenchmarkKind.HumanEval => CodeTask.FromHumanEval(Reference, Question),
        BenchmarkKind.Mbpp => CodeTask.FromMbpp(Reference),
        BenchmarkKind.LiveCodeBench => CodeTask.FromLiveCodeBench(Reference),
        _ => null,
    };
}

/// <summary>A data set.</summary>
/// <param name="Name">Its name: that of a known benchmark, or of the file.</param>
/// <param name="Kind">What its items ask for.</param>
/// <param name="Sha256">SHA-256 of the file, in lowercase hexadecimal.</param>
/// <param name="Items">The items in the order of the file, at least one.</param>
public sealed record Dataset(string Name, BenchmarkKind Kind, string Sha256, IReadOnlyList<BenchmarkItem> Items)
{
    /// <summary>Whether answers are programs.</summary>
    public bool IsCode => Kind is BenchmarkKind.HumanEval or BenchmarkKind.Mbpp or BenchmarkKind.LiveCodeBench;
}
