using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>A generated token as JSON.</summary>
public static class TokenJson
{
    /// <summary>Writes a token as properties of the open object.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidOperationException">No object is open in the writer.</exception>
    public static void Write(Utf8JsonWriter json, GeneratedToken token)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(token);
        json.WriteNumber("token", token.Token.Token);
        json.WriteBoolean("soft", token.Soft);
        json.WriteBoolean("thinking", token.Thinking);
        json.WriteBoolean("marker", token.Marker);
        json.WriteNumber("entropy", token.Entropy);
        json.WriteStartArray("ids");
        foreach (ConceptEntry entry in token.Token.Entries)
            json.WriteNumberValue(entry.Id);
        json.WriteEndArray();
        json.WriteStartArray("probs");
        foreach (ConceptEntry entry in token.Token.Entries)
            json.WriteNumberValue(entry.Weight);
        json.WriteEndArray();
        json.WriteString("text", token.Text);
        if (token.LogProbs is TokenLogProbs logProbs)
            WriteLogProbs(json, logProbs);
    }

    private static void WriteLogProbs(Utf8JsonWriter json, TokenLogProbs logProbs)
    {
        WriteLogProb(json, logProbs.Token);
        json.WriteStartArray("top_log_probs");
        foreach ((int id, float logProb) in logProbs.Top)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            WriteLogProb(json, logProb);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // An excluded id has the probability 0, whose logarithm JSON cannot express.
    private static void WriteLogProb(Utf8JsonWriter json, float logProb)
    {
        if (float.IsFinite(logProb))
            json.WriteNumber("log_prob", logProb);
        else
            json.WriteNull("log_prob");
    }
}
