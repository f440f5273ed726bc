using System.Text.Json;
using Microsoft.Extensions.AI;
using NUnit.Framework;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>What chat templates see of messages.</summary>
public class ConversationTests
{
    public static IEnumerable<TestCaseData> RefusedContents() =>
    [
        new(ChatRole.User, new DataContent(new byte[1], "image/png"), "image/png"),
        new(ChatRole.User, new UriContent("https://example.org/a.wav", "audio/wav"), "audio/wav"),
        new(ChatRole.User, new HostedFileContent("id"), nameof(HostedFileContent)),
        new(ChatRole.User, new TextReasoningContent("thought"), nameof(TextReasoningContent)),
        new(ChatRole.User, new FunctionCallContent("id", "name"), nameof(FunctionCallContent)),
        new(ChatRole.Assistant, new DataContent(new byte[1], "image/png"), "image/png"),
        new(ChatRole.Assistant, new ErrorContent("error"), nameof(ErrorContent)),
        new(ChatRole.Assistant, new FunctionResultContent("id", 1), nameof(FunctionResultContent)),
        new(ChatRole.Tool, new TextContent("text"), nameof(TextContent)),
    ];

    public static IEnumerable<TestCaseData> Results() =>
    [
        new("sunny", "sunny"),
        new(JsonElement.Parse("\"sunny\""), "sunny"),
        new(JsonElement.Parse("{\"a\": 1}"), "{\"a\":1}"),
        new(new Dictionary<string, object?> { ["a"] = 1, ["b"] = "Köln" }, "{\"a\":1,\"b\":\"Köln\"}"),
        new(17, "17"),
        new(true, "true"),
        new(new TextContent("text"), "text"),
        new(null, "null"),
    ];

    [Test]
    public void Turns_AreThoseOfTheMessages()
    {
        IReadOnlyList<ChatMessage> turns = Conversation.Read("Be brief.",
        [
            new(ChatRole.System, "Be kind."),
            new(ChatRole.User, [new TextContent("Wea"), new TextContent("ther?")]),
            new(ChatRole.Assistant,
                [new TextReasoningContent("I ask."), new TextContent("One moment."), new FunctionCallContent("c0", "weather", new Dictionary<string, object?> { ["city"] = "Köln", ["days"] = 2 }), new UsageContent()]),
            new(ChatRole.Tool, [new FunctionResultContent("c0", "sunny")]),
            new(new ChatRole("developer"), "Go on."),
        ]);
        Assert.Multiple(() =>
        {
            Assert.That(turns.Select(turn => $"{turn.Role}: {turn.Content}"), Is.EqualTo(new[]
            {
                "system: Be brief.\n\nBe kind.", "user: Weather?", "assistant: One moment.", "tool: sunny", "system: Go on.",
            }));
            Assert.That(turns[2].Reasoning, Is.EqualTo("I ask."));
            Assert.That(JsonElement.DeepEquals(turns[2].ToolCalls!.Value, JsonElement.Parse(
                """[{"id": "c0", "type": "function", "function": {"name": "weather", "arguments": {"city": "Köln", "days": 2}}}]""")), Is.True);
            Assert.That(turns[3].Extra!.Value.GetProperty("tool_call_id").GetString(), Is.EqualTo("c0"));
        });
    }

    [Test]
    public void MessagesOfTheAssistantInARow_AreOneTurn()
    {
        IReadOnlyList<ChatMessage> turns = Conversation.Read(null,
            [new(ChatRole.User, "Hi"), new(ChatRole.Assistant, [new TextReasoningContent("a")]), new(ChatRole.Assistant, "b"), new(ChatRole.Assistant, [new FunctionCallContent("c", "f")])]);
        Assert.That((turns.Count, turns[1].Reasoning, turns[1].Content, turns[1].ToolCalls!.Value.GetArrayLength()), Is.EqualTo((2, "a", "b", 1)));
    }

    [TestCaseSource(nameof(RefusedContents))]
    public void Content_IsRefusedByPlaceAndKind(ChatRole role, AIContent content, string kind) => Assert.That(
        () => Conversation.Read(null, [new(ChatRole.User, "Hi"), new AIChatMessage(role, [content])]),
        Throws.InstanceOf<NotSupportedException>().With.Message.Contains("messages[1]").And.Message.Contains(kind));

    [TestCaseSource(nameof(Results))]
    public void Result_IsText(object? result, string expected) => Assert.That(
        Conversation.Read(null, [new AIChatMessage(ChatRole.Tool, [new FunctionResultContent("c", result)])])[0].Content, Is.EqualTo(expected));

    [Test]
    public void FailedResult_IsItsError()
    {
        FunctionResultContent failed = new("c", null) { Exception = new InvalidOperationException("no network") };
        Assert.That(Conversation.Read(null, [new AIChatMessage(ChatRole.Tool, [failed])])[0].Content, Is.EqualTo("no network"));
    }
}
