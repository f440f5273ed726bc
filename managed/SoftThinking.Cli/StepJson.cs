using System.Text.Encodings.Web;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>A step as JSON, the same in `--json` and `--trace`.</summary>
internal static class StepJson
{
    /// <summary>Text stays readable: only what JSON demands is escaped.</summary>
    public static JsonEncodedText Encode(string text) => JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);

    /// <summary>Writes the properties of a step into the object that is open.</summary>
    public static void Write(Utf8JsonWriter json, GenerationStep step)
    {
        json.WriteNumber("head", step.Token.Head);
        json.WriteBoolean("soft", step.Soft);
        json.WriteBoolean("thinking", step.Thinking);
        json.WriteNumber("entropy", step.Entropy);
        json.WriteStartArray("ids");
        foreach (int id in step.Token.Ids)
            json.WriteNumberValue(id);
        json.WriteEndArray();
        json.WriteStartArray("probs");
        foreach (float weight in step.Token.Weights)
            json.WriteNumberValue(weight);
        json.WriteEndArray();
        json.WriteString("text", Encode(step.Text));
        if (step.LogProbs is StepLogProbs told)
            WriteLogProbs(json, told);
    }

    private static void WriteLogProbs(Utf8JsonWriter json, StepLogProbs told)
    {
        json.WriteNumber("log_prob", told.Head);
        json.WriteStartArray("top_log_probs");
        foreach ((int id, float logProb) in told.Top)
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteNumber("log_prob", logProb);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }
}
