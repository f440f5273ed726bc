using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Messages;
using SoftThinking.Server.Responses;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Tests.Calls;

/// <summary>What streams have that do not come to their end, or have to wait.</summary>
public class InterruptionTests
{
    private static readonly WireError Error = new(503, "server_error", "the engine failed", null, "engine_unavailable");

    [Test]
    public async Task Responses_FailBeforeTheirStart()
    {
        JsonElement error = Data((await WriteAsync(new ResponsesApi(), """{"input": "a"}""", writer => writer.Fail(Error))).Single(), "error");
        Assert.That(error.GetProperty("message").GetString(), Is.EqualTo("the engine failed"));
    }

    [Test]
    public async Task Responses_FailLater()
    {
        List<string> events = await WriteAsync(new ResponsesApi(), """{"input": "a"}""", writer =>
        {
            Begin(writer);
            writer.Fail(Error);
        });
        JsonElement response = Data(events[^1], "response.failed").GetProperty("response");
        Assert.Multiple(() =>
        {
            Assert.That(response.GetProperty("status").GetString(), Is.EqualTo("failed"));
            Assert.That(response.GetProperty("error").GetProperty("code").GetString(), Is.EqualTo("engine_unavailable"));
            Assert.That(response.GetProperty("error").GetProperty("message").GetString(), Is.EqualTo("the engine failed"));
            Assert.That(response.GetProperty("output")[0].GetProperty("status").GetString(), Is.EqualTo("incomplete"));
        });
    }

    [Test]
    public async Task Messages_Fail()
    {
        List<string> events = await WriteAsync(new MessagesApi(), """{"max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}""", writer =>
        {
            writer.KeepAlive();
            Begin(writer);
            writer.Fail(Error);
        });
        Assert.Multiple(() =>
        {
            Data(events[0], "ping");
            Data(events[1], "message_start");
            Assert.That(Data(events[^1], "error").GetProperty("error").GetProperty("type").GetString(), Is.EqualTo("overloaded_error"));
        });
    }

    private static void Begin(IReplyWriter writer)
    {
        writer.Add(new ReplyStarted(0, new GenerationStarted { PromptTokens = 3, Seed = 1, Thinking = false }));
        writer.Add(new ReplyPiece(0, new ChatDelta(null) { Content = "b" }));
    }

    /// <summary>The events that a stream sends.</summary>
    private static async Task<List<string>> WriteAsync(IDialect dialect, string body, Action<IReplyWriter> write)
    {
        ServerOptions options = new() { ModelName = TestServer.Model };
        CallContext context = new(new ServedModel(SharedServer.Instance.Engine, options), options);
        using MemoryStream sent = new();
        using EventStream stream = new(sent);
        write(dialect.Stream(stream, dialect.Read(JsonElement.Parse(body), context), context));
        await stream.FlushAsync(CancellationToken.None);
        return [.. Encoding.UTF8.GetString(sent.ToArray()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries)];
    }

    private static JsonElement Data(string text, string name)
    {
        Assert.That(text, Does.StartWith($"event: {name}\ndata: "));
        JsonElement data = JsonElement.Parse(text[(text.IndexOf("data: ", StringComparison.Ordinal) + "data: ".Length)..]);
        Assert.That(data.GetProperty("type").GetString(), Is.EqualTo(name));
        return data;
    }
}
