using System.Text;
using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;

namespace SoftThinking.Server.Native;

/// <summary>Writes results of <c>/generate</c>, whole ones and those so far.</summary>
internal sealed class GenerateWriter(Call call, CallContext context)
{
    private bool IsList => call.IsBatch || call.Choices > 1;

    /// <summary>Writes a whole reply: a result, or a list of them.</summary>
    public void Write(Utf8JsonWriter json, Reply reply)
    {
        if (IsList)
            json.WriteStartArray();
        for (int i = 0; i < reply.Choices.Count; i++)
            WriteResult(json, i, reply.Choices[i]);
        if (IsList)
            json.WriteEndArray();
    }

    /// <summary>Writes a result. One that has not ended has no log-probabilities, concept tokens or records.</summary>
    public void WriteResult(Utf8JsonWriter json, int index, Reply.Choice choice)
    {
        json.WriteStartObject();
        json.WriteString("text", TextOf(choice));
        json.WriteStartArray("output_ids");
        foreach (GeneratedToken token in choice.Tokens)
            json.WriteNumberValue(token.Token.Token);
        json.WriteEndArray();
        json.WriteStartObject("meta_info");
        WriteCounts(json, index, choice);
        if (call.LogProbs && choice.End != null)
            WriteLogProbs(json, choice.Tokens);
        if (call.Request.Sampling.SoftThinking && choice.End != null)
            WriteConceptTokens(json, choice.Tokens, call.Request.Sampling.Entries);
        if (call.Request.Record && choice.End != null)
            WriteRecords(json, choice.Tokens);
        json.WriteEndObject();
        if (IsList)
            json.WriteNumber("index", index);
        json.WriteEndObject();
    }

    private void WriteCounts(Utf8JsonWriter json, int index, Reply.Choice choice)
    {
        string id = call.Id ?? context.Id;
        json.WriteString("id", IsList ? $"{id}_{index}" : id);
        WriteFinishReason(json, choice);
        json.WriteNumber("prompt_tokens", choice.Start!.PromptTokens);
        json.WriteNumber("completion_tokens", choice.Tokens.Count);
        if (choice.End is ReplyEnded end)
            json.WriteNumber("cached_tokens", end.End.Usage.CachedTokens);
        json.WriteNumber("seed", choice.Start.Seed);
        json.WriteString("weight_version", "default");
    }

    private static void WriteFinishReason(Utf8JsonWriter json, Reply.Choice choice)
    {
        if (choice.End is not ReplyEnded { End: GenerationFinished end })
        {
            json.WriteNull("finish_reason");
            return;
        }
        json.WriteStartObject("finish_reason");
        json.WriteString("type", choice.End.FinishReason);
        if (end.Reason == FinishReason.Length)
            json.WriteNumber("length", choice.Tokens.Count);
        else if (end.Stop?.Text is string text)
            json.WriteString("matched", text);
        else if (end.Stop?.TokenId is int id)
            json.WriteNumber("matched", id);
        json.WriteEndObject();
    }

    private void WriteLogProbs(Utf8JsonWriter json, List<GeneratedToken> tokens)
    {
        TokenLogProbs[] logProbs = [.. tokens.Select(token => token.LogProbs!)];
        json.WriteStartArray("input_token_logprobs"); // clients read it, but the prompt's are not available
        json.WriteEndArray();
        json.WriteStartArray("output_token_logprobs");
        for (int i = 0; i < tokens.Count; i++)
            WriteLogProb(json, tokens[i].Token.Token, logProbs[i].Token);
        json.WriteEndArray();
        if (call.Request.LogProbs == 0)
            return;
        json.WriteStartArray("output_top_logprobs");
        foreach (TokenLogProbs position in logProbs)
        {
            json.WriteStartArray();
            foreach ((int id, float logProb) in position.Top)
                WriteLogProb(json, id, logProb);
            json.WriteEndArray();
        }
        json.WriteEndArray();
    }

    private static void WriteLogProb(Utf8JsonWriter json, int id, float logProb)
    {
        json.WriteStartArray();
        json.WriteNumberValue(LogProb.Finite(logProb));
        json.WriteNumberValue(id);
        json.WriteNullValue(); // the place of the token's text
        json.WriteEndArray();
    }

    /// <summary>Writes all tokens as rows of one length, so that clients can make tensors of them: after the entries of a token follow
    /// zeros.</summary>
    private static void WriteConceptTokens(Utf8JsonWriter json, List<GeneratedToken> tokens, int length)
    {
        WriteRows("output_topk_prob_list", entry => json.WriteNumberValue(entry.Weight));
        WriteRows("output_topk_idx_list", entry => json.WriteNumberValue(entry.Id));

        void WriteRows(string name, Action<ConceptEntry> write)
        {
            json.WriteStartArray(name);
            foreach (GeneratedToken token in tokens)
            {
                json.WriteStartArray();
                foreach (ConceptEntry entry in token.Token.Entries)
                    write(entry);
                for (int i = token.Token.Count; i < length; i++)
                    json.WriteNumberValue(0);
                json.WriteEndArray();
            }
            json.WriteEndArray();
        }
    }

    private static void WriteRecords(Utf8JsonWriter json, List<GeneratedToken> tokens)
    {
        json.WriteStartArray("output_records");
        foreach (GeneratedToken token in tokens)
        {
            json.WriteStartObject();
            RecordJson.Write(json, token.Record!);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private string TextOf(Reply.Choice choice)
    {
        StringBuilder text = new();
        StopMatch? stop = choice.End?.End.Stop;
        for (int i = 0; i < choice.Tokens.Count; i++)
        {
            GeneratedToken token = choice.Tokens[i];
            text.Append(token.Text);
            // Only the end of the sample tells whether the last token is the stop.
            bool isText = i + 1 < choice.Tokens.Count || (choice.End != null && stop == null);
            if (call.SpecialTokens && isText && context.Tokenizer.IsSpecial(token.Token.Token))
                text.Append(context.Tokenizer.TokenText(token.Token.Token));
        }
        if (call.KeepStop && stop != null)
            text.Append(stop.Text ?? TextOfStop(stop.TokenId!.Value));
        return text.ToString();
    }

    private string TextOfStop(int id) => context.Tokenizer.IsSpecial(id) && !call.SpecialTokens ? "" : context.Tokenizer.TokenText(id);
}
