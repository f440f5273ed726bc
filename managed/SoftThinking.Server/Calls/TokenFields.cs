using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Tokenization;

namespace SoftThinking.Server.Calls;

/// <summary>What a reply shows of its tokens besides their text, as properties of the open object.</summary>
internal static class TokenFields
{
    /// <summary>Writes what a call asks for.</summary>
    public static void Write(Utf8JsonWriter json, Call call, IReadOnlyList<GeneratedToken> tokens, Tokenizer tokenizer)
    {
        if (call.ConceptTokens)
            WriteConceptTokens(json, tokens, tokenizer);
        if (call.TokenIds)
            WriteIds(json, tokens);
    }

    public static void WriteConceptTokens(Utf8JsonWriter json, IEnumerable<GeneratedToken> tokens, Tokenizer tokenizer)
    {
        json.WriteStartArray("concept_tokens");
        foreach (GeneratedToken token in tokens)
        {
            json.WriteStartObject();
            TokenJson.Write(json, token with { LogProbs = null }, tokenizer);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    public static void WriteIds(Utf8JsonWriter json, IEnumerable<GeneratedToken> tokens)
    {
        json.WriteStartArray("token_ids");
        foreach (GeneratedToken token in tokens)
            json.WriteNumberValue(token.Token.Token);
        json.WriteEndArray();
    }
}
