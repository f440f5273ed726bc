using System.Text.Json;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Tokenization;

namespace SoftThinking.Server.OpenAi;

/// <summary>Writes chat completions and their parts.</summary>
internal sealed class ChatWriter(Call call, CallContext context)
{
    private Tokenizer Tokenizer => context.Tokenizer;

    /// <summary>Writes a whole reply.</summary>
    public void Write(Utf8JsonWriter json, Reply reply)
    {
        json.WriteStartObject();
        WriteHead(json, "chat.completion", reply.Choices[0].Start);
        json.WriteStartArray("choices");
        for (int i = 0; i < reply.Choices.Count; i++)
            WriteChoice(json, i, reply.Choices[i]);
        json.WriteEndArray();
        UsageJson.Write(json, reply.Usage);
        json.WriteEndObject();
    }

    /// <summary>Writes what every object of a reply starts with.</summary>
    public void WriteHead(Utf8JsonWriter json, string kind, GenerationStarted? start)
    {
        json.WriteString("id", "chatcmpl-" + context.Id);
        json.WriteString("object", kind);
        json.WriteNumber("created", context.Created);
        json.WriteString("model", context.Model.Name);
        if (start != null)
            json.WriteNumber("seed", start.Seed);
    }

    /// <summary>Writes a text of the thought.</summary>
    public void WriteReasoning(Utf8JsonWriter json, string text)
    {
        foreach (string field in ReasoningFields.Of(call.ReasoningField))
            json.WriteString(field, text);
    }

    /// <summary>Writes what a call shows of tokens besides their text.</summary>
    public void WriteTokens(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> tokens)
    {
        if (call.ConceptTokens)
            TokenFields.WriteConceptTokens(json, tokens.Where(IsShown), Tokenizer);
    }

    /// <summary>Writes ids and log-probabilities of tokens, as properties of a choice.</summary>
    public void WriteDetails(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> tokens)
    {
        if (call.LogProbs)
            WriteLogProbs(json, tokens);
        else
            json.WriteNull("logprobs");
        if (call.TokenIds)
            TokenFields.WriteIds(json, tokens.Where(IsShown));
    }

    /// <summary>Writes why a choice ended.</summary>
    public void WriteEnd(Utf8JsonWriter json, ReplyEnded? end) => ChoiceJson.WriteEnd(json, end, call);

    private bool IsShown(GeneratedToken token) => call.IncludeReasoning || !token.Thinking;

    private void WriteChoice(Utf8JsonWriter json, int index, Reply.Choice choice)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        if (choice.Content.Length > 0 || !choice.ToolCalls.Any())
            json.WriteString("content", choice.Content);
        else
            json.WriteNull("content");
        if (choice.Reasoning.Length > 0)
            WriteReasoning(json, choice.Reasoning);
        WriteToolCalls(json, choice.ToolCalls);
        WriteTokens(json, choice.Tokens);
        json.WriteEndObject();
        WriteDetails(json, choice.Tokens);
        WriteEnd(json, choice.End);
        json.WriteEndObject();
    }

    private static void WriteToolCalls(Utf8JsonWriter json, IEnumerable<ReplyBlock> calls)
    {
        if (!calls.Any())
            return;
        json.WriteStartArray("tool_calls");
        foreach (ReplyBlock tool in calls)
        {
            json.WriteStartObject();
            json.WriteString("id", tool.CallId);
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", tool.ToolName);
            json.WriteString("arguments", tool.Text);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteLogProbs(Utf8JsonWriter json, IReadOnlyList<GeneratedToken> tokens)
    {
        json.WriteStartObject("logprobs");
        WriteLogProbs(json, "content", tokens.Where(token => !token.Thinking && !token.Marker));
        if (call.IncludeReasoning)
            WriteLogProbs(json, "reasoning_content", tokens.Where(token => token.Thinking && !token.Marker));
        json.WriteEndObject();
    }

    private void WriteLogProbs(Utf8JsonWriter json, string part, IEnumerable<GeneratedToken> tokens)
    {
        json.WriteStartArray(part);
        foreach (GeneratedToken token in tokens)
        {
            if (token.LogProbs is not TokenLogProbs logProbs)
                continue;
            json.WriteStartObject();
            WriteLogProb(json, token.Token.Token, logProbs.Token);
            json.WriteStartArray("top_logprobs");
            foreach ((int id, float logProb) in logProbs.Top)
            {
                json.WriteStartObject();
                WriteLogProb(json, id, logProb);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private void WriteLogProb(Utf8JsonWriter json, int id, float logProb)
    {
        json.WriteString("token", Tokenizer.TokenText(id));
        json.WriteNumber("logprob", LogProb.Finite(logProb));
        json.WriteStartArray("bytes");
        foreach (byte value in Tokenizer.TokenBytes(id))
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }
}
