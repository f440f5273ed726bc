using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Hosting;

/// <summary>Who may use a server.</summary>
public class AccessTests
{
    private const string Key = "a-key";

    [Test]
    public async Task WithKeys_OnlyThePageAndHealthAreOpen()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { ApiKeys = ["another", Key] });
        Assert.Multiple(async () =>
        {
            Assert.That(await StatusAsync("/health"), Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await StatusAsync("/v1/models"), Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(await StatusAsync("/nowhere"), Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(await StatusAsync("/v1/models", ("Authorization", "Bearer wrong")), Is.EqualTo(HttpStatusCode.Unauthorized));
            Assert.That(await StatusAsync("/v1/models", ("Authorization", $"Bearer {Key}")), Is.EqualTo(HttpStatusCode.OK));
            Assert.That(await StatusAsync("/v1/models", ("x-api-key", Key)), Is.EqualTo(HttpStatusCode.OK));
        });

        async Task<HttpStatusCode> StatusAsync(string path, params (string Name, string Value)[] headers)
        {
            using HttpRequestMessage request = new(HttpMethod.Get, path);
            foreach ((string name, string value) in headers)
                request.Headers.Add(name, value);
            using HttpResponseMessage response = await server.Http.SendAsync(request);
            return response.StatusCode;
        }
    }

    /// <summary>A page of another site can give its own name this machine's address.</summary>
    [Test]
    public async Task WithoutKeys_OnlyThisMachinesNamesAreServed()
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/health") { Headers = { Host = "attacker.example" } };
        using HttpResponseMessage response = await SharedServer.Instance.Http.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.BadRequest));
        JsonElement error = JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("error");
        Assert.That(error.GetProperty("message").GetString(), Does.StartWith("the host \"attacker.example\" is not a name of this machine"));
    }

    /// <summary>Checks of health often ask for no body.</summary>
    [TestCase("/")]
    [TestCase("/health")]
    [TestCase("/v1/models")]
    [TestCase("/metrics")]
    public async Task WhatCanBeGot_HasAHead(string path)
    {
        using HttpRequestMessage request = new(HttpMethod.Head, path);
        using HttpResponseMessage head = await SharedServer.Instance.Http.SendAsync(request), get = await SharedServer.Instance.Http.GetAsync(path);
        Assert.Multiple(async () =>
        {
            Assert.That((head.StatusCode, head.Content.Headers.ContentType), Is.EqualTo((HttpStatusCode.OK, get.Content.Headers.ContentType)));
            Assert.That(await head.Content.ReadAsByteArrayAsync(), Is.Empty);
        });
    }

    /// <summary>A proxy may pass on the name that it is known by.</summary>
    [Test]
    public async Task WithAKey_AnyNameIsServed()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { ApiKeys = [Key] });
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models") { Headers = { Host = "api.example", Authorization = new("Bearer", Key) } };
        using HttpResponseMessage response = await server.Http.SendAsync(request);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.OK));
    }

    /// <summary>A form of another site can post to this machine without asking, but not with this type.</summary>
    [TestCase("text/plain")]
    [TestCase("application/x-www-form-urlencoded")]
    [TestCase(null)]
    public async Task OnlyJsonIsRead(string? type)
    {
        using ByteArrayContent content = new("""{"messages": [{"role": "user", "content": "a"}]}"""u8.ToArray());
        content.Headers.ContentType = type == null ? null : new MediaTypeHeaderValue(type);
        using HttpResponseMessage response = await SharedServer.Instance.Http.PostAsync("/v1/chat/completions", content);
        Assert.That(response.StatusCode, Is.EqualTo(HttpStatusCode.UnsupportedMediaType));
    }

    [Test]
    public async Task OtherSites_NeedToBeNamed()
    {
        await using TestServer server = await TestServer.StartAsync(options => options with { CorsOrigins = ["https://known.example"] });
        Assert.Multiple(async () =>
        {
            Assert.That(await AllowedAsync(server, "https://known.example"), Is.EqualTo("https://known.example"));
            Assert.That(await AllowedAsync(server, "https://other.example"), Is.Null);
            Assert.That(await AllowedAsync(SharedServer.Instance, "https://known.example"), Is.Null);
        });

        static async Task<string?> AllowedAsync(TestServer server, string origin)
        {
            using HttpRequestMessage request = new(HttpMethod.Options, "/v1/chat/completions");
            request.Headers.Add("Origin", origin);
            request.Headers.Add("Access-Control-Request-Method", "POST");
            request.Headers.Add("Access-Control-Request-Headers", "content-type,authorization");
            using HttpResponseMessage response = await server.Http.SendAsync(request);
            return response.Headers.TryGetValues("Access-Control-Allow-Origin", out IEnumerable<string>? allowed) ? allowed.Single() : null;
        }
    }

    [Test]
    public void ServingOtherMachinesWithoutAKey_HasToBeSaid()
    {
        ServerOptions options = new() { ModelName = "m", Port = 0, Address = IPAddress.Any };
        Assert.That(() => new SoftThinkingServer(options, (_, _) => throw new InvalidOperationException("is not to be loaded")), Throws.ArgumentException);
    }
}
