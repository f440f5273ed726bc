using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Tests.Hosting;

namespace SoftThinking.Server.Tests.Hostile;

/// <summary>What is no request of the API, or none at all.</summary>
public class HostileConnectionTests
{
    private const string Path = "/v1/chat/completions";
    private const string Question = """{"seed": 0, "max_tokens": 4, "messages": [{"role": "user", "content": "Hi"}]}""";

    private static TestServer Server => SharedServer.Instance;

    [TestCase("GET", Path, 405)]
    [TestCase("DELETE", Path, 405)]
    [TestCase("POST", "/v1/nothing", 404)]
    [TestCase("POST", "/v1/chat/completions/x/../../../../etc/passwd", 404)]
    [TestCase("GET", "/v1/models/a/b%2F..", 404)]
    [TestCase("BREW", "/health", 405)]
    public async Task UnknownRoutes_HaveErrorsOfTheApi(string method, string path, int status)
    {
        using HttpRequestMessage request = new(new HttpMethod(method), path);
        using HttpResponseMessage response = await Server.Http.SendAsync(request);
        Assert.That((int)response.StatusCode, Is.EqualTo(status));
        JsonElement error = JsonElement.Parse(await response.Content.ReadAsStringAsync());
        Assert.That(SchemaCheck.Problems(error, JsonElement.Parse(OpenAiError.Schema.ToJsonString())), Is.Empty);
    }

    [TestCase("\u0016\u0003\u0001\u0002\u0000\u0001", TestName = "Garbage_IsRefused(the start of TLS)")]
    [TestCase("hello\r\n\r\n")]
    [TestCase("GET / HTTP/9.9\r\n\r\n")]
    [TestCase("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")]
    [TestCase("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")]
    [TestCase("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"messages\"")]
    [TestCase("POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n")]
    [TestCase("GET /health HTTP/1.1\r\nHost: example.com\r\n\r\n")]
    [TestCase("GET /health HTTP/1.1\r\n\r\n")]
    public async Task Garbage_IsRefused(string sent)
    {
        JsonElement before = (await Server.AskAsync(Path, Question)).GetProperty("choices");
        using (TcpClient client = new())
        {
            await client.ConnectAsync(Server.Server.Address.Host, Server.Server.Address.Port);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Encoding.Latin1.GetBytes(sent));
            client.Client.Shutdown(SocketShutdown.Send);
            using StreamReader reply = new(stream, Encoding.Latin1);
            string text = await ReadAsync(reply);
            Assert.That(text, Is.Empty.Or.StartWith("HTTP/1.1 4").Or.StartWith("HTTP/1.1 505").Or.StartWith("HTTP/1.1 100"));
        }
        Assert.That((await Server.AskAsync(Path, Question)).GetProperty("choices").GetRawText(), Is.EqualTo(before.GetRawText()));
    }

    /// <summary>The server may close the connection before it has read all.</summary>
    private static async Task<string> ReadAsync(StreamReader reply)
    {
        try
        {
            return await reply.ReadToEndAsync();
        }
        catch (IOException)
        {
            return "";
        }
    }
}
