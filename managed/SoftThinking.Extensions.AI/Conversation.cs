using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using SoftThinking.Chat;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace SoftThinking.Extensions.AI;

/// <summary>Conversations as chat templates see them.</summary>
internal static class Conversation
{
    /// <summary>Reads the messages of a conversation.</summary>
    /// <param name="instructions">A system message before all others; null for none.</param>
    /// <exception cref="ArgumentNullException">A message is null.</exception>
    /// <exception cref="NotSupportedException">A message has content that a model of texts cannot read.</exception>
    public static IReadOnlyList<ChatMessage> Read(string? instructions, IEnumerable<AIChatMessage> messages)
    {
        TurnList turns = new(string.IsNullOrEmpty(instructions) ? [] : [new ChatMessage("system", instructions)]);
        int index = 0;
        foreach (AIChatMessage message in messages)
        {
            ArgumentNullException.ThrowIfNull(message, nameof(messages));
            string place = $"messages[{index++}]";
            if (message.Role == ChatRole.Assistant)
                AddAssistant(turns, message, place);
            else if (message.Role == ChatRole.Tool)
                AddResults(turns, message, place);
            else
                turns.Add(new ChatMessage(message.Role.Value == "developer" ? "system" : message.Role.Value, TextOf(message, place)));
        }
        return turns.ToList();
    }

    private static void AddAssistant(TurnList turns, AIChatMessage message, string place)
    {
        turns.BeginAssistant();
        string thought = "", text = "";
        foreach (AIContent content in message.Contents)
        {
            switch (content)
            {
                case TextReasoningContent reasoning:
                    thought += reasoning.Text;
                    break;
                case TextContent part:
                    text += part.Text;
                    break;
                case FunctionCallContent call:
                    turns.AddCall(call.CallId, call.Name, Arguments(call));
                    break;
                case UsageContent:
                    break;
                default:
                    throw Refused(content, message, place);
            }
        }
        if (thought.Length > 0)
            turns.AddThought(thought);
        if (text.Length > 0)
            turns.AddText(text);
    }

    private static void AddResults(TurnList turns, AIChatMessage message, string place)
    {
        foreach (AIContent content in message.Contents)
        {
            if (content is not FunctionResultContent result)
                throw Refused(content, message, place);
            turns.AddResult(result.CallId, JsonValues.ToText(result.Result ?? result.Exception?.Message));
        }
    }

    private static string TextOf(AIChatMessage message, string place) =>
        string.Concat(message.Contents.Select(content => content is TextContent text ? text.Text : throw Refused(content, message, place)));

    private static JsonObject Arguments(FunctionCallContent call) =>
        [.. (call.Arguments ?? new Dictionary<string, object?>()).Select(argument => KeyValuePair.Create(argument.Key, JsonValues.ToNode(argument.Value)))];

    private static NotSupportedException Refused(AIContent content, AIChatMessage message, string place)
    {
        string kind = content switch { DataContent data => $" ({data.MediaType})", UriContent uri => $" ({uri.MediaType})", _ => "" };
        return new($"{place} of the role \"{message.Role}\" has a {content.GetType().Name}{kind}, which a model of texts cannot read");
    }
}
