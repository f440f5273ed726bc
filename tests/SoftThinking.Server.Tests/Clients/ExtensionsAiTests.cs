using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Clients;

/// <summary>Microsoft.Extensions.AI over the .NET client "OpenAI".</summary>
public class ExtensionsAiTests
{
    private const string Question = "What is 47 + 85 - 19?", Answer = "The answer is \\boxed{113}.";

    private static readonly ChatOptions Greedy = new() { Temperature = 0 };

    [Test]
    public async Task Chat_HasThoughtAndAnswer([Values] bool streamed)
    {
        using IChatClient client = OpenAiDotNetTests.ClientOf(SharedServer.Instance, TestServer.Model).AsIChatClient();
        ChatResponse reply = streamed
            ? await client.GetStreamingResponseAsync(Question, Greedy).ToChatResponseAsync()
            : await client.GetResponseAsync(Question, Greedy);
        string thought = string.Concat(reply.Messages.SelectMany(message => message.Contents).OfType<TextReasoningContent>().Select(content => content.Text));
        Assert.Multiple(() =>
        {
            Assert.That(reply.Text, Is.EqualTo(Answer));
            Assert.That(thought, Does.EndWith("113."));
            Assert.That(reply.FinishReason, Is.EqualTo(ChatFinishReason.Stop));
            Assert.That(reply.Usage?.ReasoningTokenCount, Is.GreaterThan(50));
        });
    }

    [Test]
    public async Task Functions_AreInvoked([Values] bool streamed)
    {
        await using TestServer scripted = await ScriptedServer.StartAsync();
        List<string> cities = [];
        using IChatClient client = OpenAiDotNetTests.ClientOf(scripted, ScriptedServer.Model).AsIChatClient().AsBuilder().UseFunctionInvocation().Build();
        ChatOptions options = new() { Tools = [AIFunctionFactory.Create(Weather, "weather")] };
        ChatResponse reply = streamed
            ? await client.GetStreamingResponseAsync("weather", options).ToChatResponseAsync()
            : await client.GetResponseAsync("weather", options);
        Assert.That((cities.Single(), reply.Messages[^1].Text), Is.EqualTo((ScriptedServer.City, "The sun shines.")));

        [System.ComponentModel.Description("The weather of a city")]
        string Weather(string city)
        {
            cities.Add(city);
            return "sunny";
        }
    }
}
