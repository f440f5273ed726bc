using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>The record of a token as JSON.</summary>
public static class RecordJson
{
    /// <summary>The numbers of a record, each with its published name.</summary>
    internal static IReadOnlyList<(string Name, Func<TokenRecord, float> Get)> Statistics { get; } =
    [
        ("entropy", record => record.Entropy),
        ("entropy_1", record => record.Entropy1),
        ("p_max", record => record.PMax),
        ("p_max_1", record => record.PMax1),
        ("lse", record => record.LogSumExp),
        ("lse_1", record => record.LogSumExp1),
        ("confidence", record => record.Confidence),
        ("entropy_top20", record => record.EntropyTop20),
        ("entropy_kept", record => record.EntropyKept),
        ("token_log_p1", record => record.TokenLogP1),
        ("log_prob", record => record.LogProb),
    ];

    /// <summary>Writes a record as properties of the open object. A number that is not finite is null.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidOperationException">No object is open in the writer.</exception>
    public static void Write(Utf8JsonWriter json, TokenRecord record)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(record);
        foreach ((string name, Func<TokenRecord, float> get) in Statistics)
        {
            json.WritePropertyName(name);
            WriteFinite(json, get(record));
        }
        Write(json, "log_p1", record.LogP1);
        Write(json, "log_pt", record.LogPt);
        if (record.Scores.Count > 0)
            Write(json, "scores", record.Scores);
        json.WriteBoolean("mixed", record.Mixed);
        json.WriteBoolean("forced", record.Forced);
        json.WriteBoolean("hard", record.Hard);
        json.WriteBoolean("switched", record.Switched);
        if (record.Stop is ThinkingEnd stop)
            json.WriteString("stop", SampleJson.NameOf(stop));
    }

    private static void Write(Utf8JsonWriter json, string name, IReadOnlyList<float> values)
    {
        json.WriteStartArray(name);
        foreach (float value in values)
            WriteFinite(json, value);
        json.WriteEndArray();
    }

    // The logarithm of 0 is not a number of JSON.
    private static void WriteFinite(Utf8JsonWriter json, float value)
    {
        if (float.IsFinite(value))
            json.WriteNumberValue(value);
        else
            json.WriteNullValue();
    }
}
