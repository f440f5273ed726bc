using System.Text.Json;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.OpenAi;

/// <summary>Writes text completions and their parts.</summary>
internal sealed class CompletionWriter(Call call, CallContext context)
{
    /// <summary>Writes a whole reply.</summary>
    public void Write(Utf8JsonWriter json, Reply reply)
    {
        json.WriteStartObject();
        WriteHead(json);
        json.WriteStartArray("choices");
        for (int i = 0; i < reply.Choices.Count; i++)
        {
            Reply.Choice choice = reply.Choices[i];
            WriteChoice(json, new CompletionPiece(i) { Start = choice.Start, Tokens = choice.Tokens, End = choice.End });
        }
        json.WriteEndArray();
        UsageJson.Write(json, reply.Usage);
        json.WriteEndObject();
    }

    /// <summary>Writes what every object of a reply starts with.</summary>
    public void WriteHead(Utf8JsonWriter json)
    {
        json.WriteString("id", "cmpl-" + context.Id);
        json.WriteString("object", "text_completion");
        json.WriteNumber("created", context.Created);
        json.WriteString("model", context.Model.Name);
    }

    public void WriteChoice(Utf8JsonWriter json, CompletionPiece piece)
    {
        json.WriteStartObject();
        json.WriteNumber("index", piece.Choice);
        json.WriteString("text", piece.Text);
        if (piece.Start != null)
            json.WriteNumber("seed", piece.Start.Seed);
        if (call.LogProbs && piece.Tokens.Count > 0)
            CompletionLogProbs.Write(json, piece, context.Tokenizer);
        else
            json.WriteNull("logprobs");
        if (call.TokenIds)
            TokenFields.WriteIds(json, piece.Tokens);
        if (call.ConceptTokens)
            TokenFields.WriteConceptTokens(json, piece.Tokens, context.Tokenizer);
        ChoiceJson.WriteEnd(json, piece.End, call);
        json.WriteEndObject();
    }
}
