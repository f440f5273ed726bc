using Microsoft.Extensions.AI;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>Reads replies in both ways.</summary>
internal static class Replies
{
    public static async Task<ChatResponse> AskAsync(this IChatClient client, string question, ChatOptions options, bool streamed) => streamed
        ? await client.GetStreamingResponseAsync(question, options).ToChatResponseAsync()
        : await client.GetResponseAsync(question, options);

    public static string Thought(this ChatResponse reply) => Join<TextReasoningContent>(reply, content => content.Text);

    /// <summary>The contents of all messages, a line each.</summary>
    public static string Describe(this ChatResponse reply) => string.Join('\n', reply.Messages.SelectMany(message => message.Contents).Select(content => content switch
    {
        TextReasoningContent reasoning => $"thought {reasoning.Text}",
        TextContent text => $"text {text.Text}",
        FunctionCallContent call => $"call {call.Name}({string.Join(", ", call.Arguments!.Select(argument => $"{argument.Key}: {argument.Value}"))})",
        _ => content.GetType().Name,
    }));

    private static string Join<T>(ChatResponse reply, Func<T, string> text) where T : AIContent =>
        string.Concat(reply.Messages.SelectMany(message => message.Contents).OfType<T>().Select(text));
}
