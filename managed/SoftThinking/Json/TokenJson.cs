using System.Text.Json;
using SoftThinking.Tokenization;

namespace SoftThinking.Json;

/// <summary>A generated token as JSON.</summary>
public static class TokenJson
{
    /// <summary>Writes a token as properties of the open object.</summary>
    /// <param name="json">Where to write.</param>
    /// <param name="token">The token.</param>
    /// <param name="tokenizer">Adds the text of each entry, as "texts"; null for none.</param>
    /// <exception cref="ArgumentNullException">The writer or the token is null.</exception>
    /// <exception cref="InvalidOperationException">No object is open in the writer.</exception>
    public static void Write(Utf8JsonWriter json, GeneratedToken token, Tokenizer? tokenizer = null)
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
        if (tokenizer != null)
            WriteTexts(json, token.Token, tokenizer);
        json.WriteString("text", token.Text);
        if (token.ThinkingEnd is ThinkingEnd end)
            json.WriteString("thinking_end", SampleJson.NameOf(end));
        if (token.LogProbs is TokenLogProbs logProbs)
            WriteLogProbs(json, logProbs);
        if (token.Record is not TokenRecord record)
            return;
        json.WriteStartObject("record");
        RecordJson.Write(json, record);
        json.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter json, ConceptToken token, Tokenizer tokenizer)
    {
        json.WriteStartArray("texts");
        foreach (ConceptEntry entry in token.Entries)
            json.WriteStringValue(tokenizer.TokenText(entry.Id));
        json.WriteEndArray();
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
