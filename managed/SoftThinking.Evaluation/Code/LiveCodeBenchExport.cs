using System.Text.Json;

namespace SoftThinking.Evaluation.Code;

/// <summary>The answers to one problem of LiveCodeBench: the program of each sample, null where there is none.</summary>
public sealed record LiveCodeBenchAnswers(string QuestionId, IReadOnlyList<string?> Codes);

/// <summary>Writes answers in the form that LiveCodeBench's own evaluator of custom outputs reads.</summary>
public static class LiveCodeBenchExport
{
    private static readonly JsonWriterOptions Options = new() { Indented = true };

    /// <summary>
    /// Writes <c>[{"question_id": …, "code_list": [code per sample]}]</c>. A sample without a program is an empty text, so
    /// that it counts as failed there, too. The evaluator wants every problem of its release once.
    /// </summary>
    /// <exception cref="ArgumentException">Two entries have the same problem.</exception>
    public static void Write(Stream stream, IEnumerable<LiveCodeBenchAnswers> problems)
    {
        HashSet<string> seen = [];
        using Utf8JsonWriter writer = new(stream, Options);
        writer.WriteStartArray();
        foreach (LiveCodeBenchAnswers problem in problems)
        {
            if (!seen.Add(problem.QuestionId))
                throw new ArgumentException($"The problem \"{problem.QuestionId}\" has two entries.", nameof(problems));
            writer.WriteStartObject();
            writer.WriteString("question_id", problem.QuestionId);
            writer.WriteStartArray("code_list");
            foreach (string? code in problem.Codes)
                writer.WriteStringValue(code ?? "");
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }
}
