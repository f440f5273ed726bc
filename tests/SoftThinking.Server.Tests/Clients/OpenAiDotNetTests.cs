using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text;
using System.Text.Json;
using NUnit.Framework;
using OpenAI;
using OpenAI.Chat;

namespace SoftThinking.Server.Tests.Clients;

/// <summary>The .NET client "OpenAI".</summary>
public class OpenAiDotNetTests
{
    private const string Question = "What is 47 + 85 - 19?", Answer = "The answer is \\boxed{113}.";

    private static readonly ChatCompletionOptions Greedy = new() { Temperature = 0 };

    [Test]
    public async Task Chat_HasAnswerAndUsage()
    {
        ChatCompletion reply = await ClientOf(SharedServer.Instance, TestServer.Model).CompleteChatAsync([new UserChatMessage(Question)], Greedy);
        Assert.Multiple(() =>
        {
            Assert.That(reply.Content[0].Text, Is.EqualTo(Answer));
            Assert.That(reply.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
            Assert.That(reply.Usage.OutputTokenDetails.ReasoningTokenCount, Is.GreaterThan(50));
        });
    }

    [Test]
    public async Task Stream_HasAnswerAndUsage()
    {
        StringBuilder text = new();
        ChatTokenUsage? usage = null;
        await foreach (StreamingChatCompletionUpdate update in ClientOf(SharedServer.Instance, TestServer.Model).CompleteChatStreamingAsync([new UserChatMessage(Question)], Greedy))
        {
            text.Append(string.Concat(update.ContentUpdate.Select(part => part.Text)));
            usage = update.Usage ?? usage;
        }
        Assert.That((text.ToString(), usage?.OutputTokenDetails.ReasoningTokenCount > 50), Is.EqualTo((Answer, true)));
    }

    [Test]
    public async Task Tools_AreCalledAndAnswered()
    {
        await using TestServer scripted = await ScriptedServer.StartAsync();
        ChatClient client = ClientOf(scripted, ScriptedServer.Model);
        ChatCompletionOptions options = new() { Tools = { ChatTool.CreateFunctionTool("weather", "The weather of a city") } };
        List<OpenAI.Chat.ChatMessage> messages = [new UserChatMessage("weather")];
        ChatCompletion first = await client.CompleteChatAsync(messages, options);
        Assert.That(first.FinishReason, Is.EqualTo(ChatFinishReason.ToolCalls));
        ChatToolCall call = first.ToolCalls.Single();
        using JsonDocument arguments = JsonDocument.Parse(call.FunctionArguments);
        Assert.That((call.FunctionName, arguments.RootElement.GetProperty("city").GetString()), Is.EqualTo(("weather", ScriptedServer.City)));
        messages.Add(new AssistantChatMessage(first));
        messages.Add(new ToolChatMessage(call.Id, "sunny"));
        ChatCompletion last = await client.CompleteChatAsync(messages, options);
        Assert.That(last.Content[0].Text, Is.EqualTo("The sun shines."));
    }

    [Test]
    public void Errors_AreTheClientsOwn()
    {
        ChatClient client = ClientOf(SharedServer.Instance, "another");
        Assert.That(async () => await client.CompleteChatAsync([new UserChatMessage(Question)]), Throws.TypeOf<ClientResultException>().With.Property("Status").EqualTo(404));
    }

    internal static ChatClient ClientOf(TestServer server, string model) => new(model, new ApiKeyCredential("none"), new OpenAIClientOptions
    {
        Endpoint = new Uri(server.Server.Address, "v1"),
        RetryPolicy = new ClientRetryPolicy(maxRetries: 0),
    });
}
