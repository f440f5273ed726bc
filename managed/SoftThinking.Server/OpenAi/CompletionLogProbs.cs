using System.Text.Json;
using SoftThinking.Tokenization;

namespace SoftThinking.Server.OpenAi;

/// <summary>Log-probabilities in the form of text completions: lists with an element for each token.</summary>
internal static class CompletionLogProbs
{
    /// <summary>Writes the property "logprobs" of the open object. Offsets count Unicode characters from the start of the reply's text.</summary>
    public static void Write(Utf8JsonWriter json, CompletionPiece piece, Tokenizer tokenizer)
    {
        (GeneratedToken Token, TokenLogProbs LogProbs)[] tokens = [.. piece.Tokens.Select(token => (token, token.LogProbs!))];
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach ((GeneratedToken token, _) in tokens)
            json.WriteStringValue(tokenizer.TokenText(token.Token.Token));
        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach ((_, TokenLogProbs logProbs) in tokens)
            json.WriteNumberValue(LogProb.Finite(logProbs.Token));
        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach ((GeneratedToken token, TokenLogProbs logProbs) in tokens)
            WriteTop(json, logProbs.Top.Append((Id: token.Token.Token, LogProb: logProbs.Token)), tokenizer);
        json.WriteEndArray();
        json.WriteStartArray("text_offset");
        int offset = piece.Offset;
        foreach ((GeneratedToken token, _) in tokens)
        {
            json.WriteNumberValue(offset);
            offset += Characters(token.Text);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Characters of a text as Unicode counts them.</summary>
    public static int Characters(string text) => text.EnumerateRunes().Count();

    // Of several ids with one text, such as parts of characters, the most likely counts.
    private static void WriteTop(Utf8JsonWriter json, IEnumerable<(int Id, float LogProb)> top, Tokenizer tokenizer)
    {
        json.WriteStartObject();
        foreach ((int id, float logProb) in top.DistinctBy(entry => tokenizer.TokenText(entry.Id)))
            json.WriteNumber(tokenizer.TokenText(id), LogProb.Finite(logProb));
        json.WriteEndObject();
    }
}
