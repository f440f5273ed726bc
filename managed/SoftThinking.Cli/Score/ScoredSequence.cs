using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>The result of a recorded sequence.</summary>
/// <param name="Number">Its line, from 1, or its request in a file of records.</param>
/// <param name="Sample">Which sample of the request; null for a line.</param>
internal sealed record ScoredSequence(int Number, int? Sample = null)
{
    /// <summary>What messages call it.</summary>
    public string Name => Sample is int sample ? $"request {Number}, sample {sample}" : $"line {Number}";

    /// <summary>The "id" of the line; null if it has none.</summary>
    public JsonElement? Id { get; init; }

    /// <summary>The scores; null if there is an error.</summary>
    public ReplayScores? Scores { get; init; }

    /// <summary>The log-probability of each step as its strategy defines it; null where the line does not say enough.</summary>
    public double[]? LogProbs { get; init; }

    /// <summary>The largest difference from what was recorded; null where that is not known.</summary>
    public float? Difference { get; init; }

    public string? Error { get; init; }

    /// <summary>One line about the emitted tokens.</summary>
    public string Summary()
    {
        double sum = Scores!.Steps.Sum(step => (double)step.TokenLogP1);
        int tokens = Scores.Steps.Count;
        string text = FormattableString.Invariant($"{Name}: {tokens} tokens, ln p of those emitted {sum:0.000}, per token {sum / tokens:0.000}");
        if (LogProbs is double[] logProbs)
            text += FormattableString.Invariant($", mean log_prob {logProbs.Average():0.000}");
        return Difference is float difference
            ? text + (difference == 0 ? ", as recorded" : FormattableString.Invariant($", up to {difference:0.0e0} from the record"))
            : text;
    }

    /// <summary>Writes the properties of the result into the open object.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteNumber(Sample == null ? "line" : "request", Number);
        if (Sample is int sample)
            json.WriteNumber("sample", sample);
        if (Id is JsonElement id)
        {
            json.WritePropertyName("id");
            id.WriteTo(json);
        }
        if (Error != null)
        {
            json.WriteString("error", Error);
            return;
        }
        IReadOnlyList<StepScores> steps = Scores!.Steps;
        Write(json, "token_log_p1", steps.Select(step => step.TokenLogP1));
        Write(json, "token_log_pt", steps.Select(step => step.TokenLogPt));
        Write(json, "log_p1", steps.Select(step => step.LogP1));
        Write(json, "log_pt", steps.Select(step => step.LogPt));
        if (steps.Any(step => step.IdsLogP1.Count > 0))
        {
            Write(json, "ids_log_p1", steps.Select(step => step.IdsLogP1));
            Write(json, "ids_log_pt", steps.Select(step => step.IdsLogPt));
        }
        if (LogProbs is double[] logProbs)
            Write(json, "log_prob", logProbs.Select(value => (float)value));
        if (Difference is float difference && float.IsFinite(difference))
            json.WriteNumber("record_difference", difference);
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<IReadOnlyList<float>> rows)
    {
        json.WriteStartArray(name);
        foreach (IReadOnlyList<float> row in rows)
            WriteArray(json, row);
        json.WriteEndArray();
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<float> values)
    {
        json.WritePropertyName(name);
        WriteArray(json, values);
    }

    // The logarithm of 0 is not a number of JSON.
    private static void WriteArray(Utf8JsonWriter json, IEnumerable<float> values)
    {
        json.WriteStartArray();
        foreach (float value in values)
        {
            if (float.IsFinite(value))
                json.WriteNumberValue(value);
            else
                json.WriteNullValue();
        }
        json.WriteEndArray();
    }
}
