using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Endpoints;

/// <summary>Makes a sample of a chat completion. Thoughts come as "reasoning_content" or "reasoning", or inside the content.</summary>
internal static class ReplyReader
{
    private const string Start = "<think>", End = "</think>";

    public static SampleResult Read(JsonObject reply, ulong seed)
    {
        if (reply["choices"] is not JsonArray { Count: > 0 } choices || choices[0] is not JsonObject choice
            || choice["message"] is not JsonObject message)
            return SampleResult.Failed(seed, 1, "the reply has no choice with a message")[0];
        if (message["content"] is JsonNode node && node.GetValueKind() != JsonValueKind.String)
            return SampleResult.Failed(seed, 1, "the content of the reply is not text")[0];
        string content = Text(message, "content") ?? "";
        string? thinking = Thought(message, "reasoning_content") ?? Thought(message, "reasoning");
        string finish = Text(choice, "finish_reason") is { Length: > 0 } reason ? reason : "stop";
        if (finish == "error")
            return SampleResult.Failed(seed, 1, "the server ended the reply with an error")[0];
        bool ended = content.Length > 0;
        if (thinking == null)
            (thinking, content, ended) = Split(content);
        JsonObject? usage = reply["usage"] as JsonObject;
        int total = Number(usage, "completion_tokens") ?? 0;
        int thoughts = Number(usage?["completion_tokens_details"] as JsonObject, "reasoning_tokens") ?? Estimate(total, thinking, content);
        return new SampleResult
        {
            Seed = seed,
            Thinking = thinking.Trim(),
            Answer = content.Trim(),
            ThinkingTokens = Math.Clamp(thoughts, 0, total),
            AnswerTokens = total - Math.Clamp(thoughts, 0, total),
            FinishReason = finish,
            ThinkingEnd = Text(choice, "thinking_end") ?? (thinking.Length > 0 && ended ? "model" : null),
        };
    }

    /// <summary>Thought, answer, and whether the thought ended.</summary>
    private static (string Thinking, string Answer, bool Ended) Split(string content)
    {
        int end = content.LastIndexOf(End, StringComparison.Ordinal), start = content.IndexOf(Start, StringComparison.Ordinal);
        string Before(int to) => content[(start >= 0 && start < to ? start + Start.Length : 0)..to];
        return end >= 0 ? (Before(end), content[(end + End.Length)..], true)
            : start >= 0 ? (Before(content.Length), "", false)
            : ("", content, true);
    }

    // A server that does not count thoughts apart: by the share of the text.
    private static int Estimate(int total, string thinking, string answer) =>
        thinking.Length == 0 ? 0 : (int)((long)total * thinking.Length / Math.Max(1, thinking.Length + answer.Length));

    // Servers that do not separate thoughts may send an empty one.
    private static string? Thought(JsonObject message, string key) => Text(message, key) is { Length: > 0 } text ? text : null;

    private static string? Text(JsonObject parent, string key) =>
        parent[key] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    private static int? Number(JsonObject? parent, string key) =>
        parent?[key] is JsonValue value && value.TryGetValue(out int number) && number >= 0 ? number : null;
}
