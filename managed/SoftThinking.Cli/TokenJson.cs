using System.Text.Encodings.Web;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>A generated token as JSON, the same in `--json` and `--trace`.</summary>
internal static class TokenJson
{
    /// <summary>Escapes only what JSON requires, so that text remains readable.</summary>
    public static JsonEncodedText Encode(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>Writes the properties of a token into the open object.</summary>
    public static void Write(Utf8JsonWriter json, GeneratedToken token)
    {
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
        json.WriteString("text", Encode(token.Text));
        if (token.LogProbs is TokenLogProbs logProbs)
            WriteLogProbs(json, logProbs);
    }

    private static void WriteLogProbs(Utf8JsonWriter json, TokenLogProbs logProbs)
    {
        json.WriteNumber("log_prob", logProbs.Token);
        json.WriteStartArray("top_log_probs");
        foreach ((int id, float logProb) in logProbs.Top)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteNumber("log_prob", logProb);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
