using Microsoft.Agents.AI;
using Microsoft.Extensions.AI;
using NUnit.Framework;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>Functions of .NET, called by a model.</summary>
public class ToolTests
{
    private readonly List<string> _cities = [];

    private static SoftThinkingChatClient Client => new(Models.Scripted);

    private ChatOptions Options => new() { Tools = [AIFunctionFactory.Create(Weather, "weather")] };

    [SetUp]
    public void Clear() => _cities.Clear();

    [Test]
    public async Task Call_IsAContent([Values] bool streamed)
    {
        ChatResponse reply = await Client.AskAsync("weather", Options, streamed);
        FunctionCallContent call = reply.Messages[0].Contents.OfType<FunctionCallContent>().Single();
        Assert.Multiple(() =>
        {
            Assert.That(reply.Describe(), Does.StartWith($"thought {Models.Thought}\ntext One moment.\ncall weather(city: {Models.City})"));
            Assert.That(reply.FinishReason, Is.EqualTo(ChatFinishReason.ToolCalls));
            Assert.That(call.CallId, Is.Not.Empty);
        });
    }

    [Test]
    public async Task CallThatBreaksOff_HasTheError([Values] bool streamed)
    {
        ChatOptions options = Options;
        options.MaxOutputTokens = 12; // within the arguments
        ChatResponse reply = await Client.AskAsync("weather", options, streamed);
        FunctionCallContent call = reply.Messages[0].Contents.OfType<FunctionCallContent>().Single();
        Assert.That((call.Name, call.Arguments, reply.FinishReason), Is.EqualTo(("weather", (IDictionary<string, object?>?)null, ChatFinishReason.Length)));
        Assert.That(call.Exception, Is.Not.Null);
    }

    [Test]
    public async Task Functions_AreInvoked([Values] bool streamed)
    {
        IChatClient client = Client.AsBuilder().UseFunctionInvocation().Build();
        ChatResponse reply = await client.AskAsync("weather", Options, streamed);
        Assert.That((_cities.Single(), reply.Messages[^1].Text), Is.EqualTo((Models.City, Models.Report)));
    }

    [Test]
    public async Task Agent_CallsItsTool([Values] bool streamed)
    {
        AIAgent agent = new ChatClientAgent(Client, instructions: "Report the weather.", tools: [AIFunctionFactory.Create(Weather, "weather")]);
        AgentSession session = await agent.CreateSessionAsync();
        string text = streamed
            ? (await agent.RunStreamingAsync("weather", session).ToListAsync()).ToAgentResponse().Messages[^1].Text
            : (await agent.RunAsync("weather", session)).Messages[^1].Text;
        Assert.That((_cities.Single(), text), Is.EqualTo((Models.City, Models.Report)));
    }

    [System.ComponentModel.Description("The weather of a city")]
    private string Weather(string city)
    {
        _cities.Add(city);
        return "sunny";
    }
}
