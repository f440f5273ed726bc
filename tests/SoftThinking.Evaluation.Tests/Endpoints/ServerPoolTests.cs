using System.Diagnostics;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Endpoints;

namespace SoftThinking.Evaluation.Tests.Endpoints;

public class ServerPoolTests
{
    private const string Key = "sk-secret-1234";

    internal static readonly ServerPoolOptions Fast = new()
    {
        FirstDelay = TimeSpan.FromMilliseconds(1),
        Retries = 3,
        Timeout = TimeSpan.FromSeconds(20),
    };

    private static JsonObject Body() => new() { ["messages"] = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "Q" }), ["seed"] = 0 };

    private static async Task<EndpointException> FailureAsync(StubServer server, ServerPoolOptions? options = null)
    {
        using ServerPool pool = new([server.Address], options ?? Fast);
        EndpointException error = (await Assert.ThrowsAsync<EndpointException>(() => pool.ChatAsync(Body(), default)))!;
        Assert.That(error.Message, Does.StartWith(server.Address).And.Length.LessThan(500));
        Assert.That(error.Message, Has.None.Matches<char>(char.IsControl));
        return error;
    }

    [TestCase("", "not valid JSON")]
    [TestCase("{\"choices\":", "not valid JSON")]
    [TestCase("<html>", "not valid JSON")]
    [TestCase("[{\"choices\":[]}]", "no JSON object")]
    [TestCase("null", "no JSON object")]
    [TestCase("{\"choices\":[],\"choices\":[]}", "\"choices\" stands twice")]
    [TestCase("{\"choices\":[{\"message\":{\"content\":\"a\",\"content\":\"b\"}}]}", "\"choices[0].message.content\" stands twice")]
    [TestCase("{\"choices\":[{\"message\":{\"content\":\"\\ud800\"}}]}", "\"choices[0].message.content\" must be Unicode text")]
    [TestCase("{\"\\ud800\":1}", "a key is not Unicode text")]
    public async Task AReplyThatCannotBeUsed_IsTriedAgain_AndNamed(string reply, string problem)
    {
        using StubServer server = new(_ => new StubReply(reply));
        EndpointException error = await FailureAsync(server);
        Assert.That(error.Message, Does.Contain("sent a reply that cannot be used").And.Contain(problem));
        Assert.That(server.Requests, Has.Count.EqualTo(1 + Fast.Retries));
    }

    [TestCase(500, 4)]
    [TestCase(503, 4)]
    [TestCase(429, 4)]
    [TestCase(408, 4)]
    [TestCase(400, 1)]
    [TestCase(401, 1)]
    [TestCase(404, 1)]
    public async Task AStatus_IsTriedAgainWhereThatMayHelp(int status, int tries)
    {
        using StubServer server = new(_ => new StubReply("{\"error\":\n\u001b[31mno\t" + new string('x', 1000), status));
        EndpointException error = await FailureAsync(server);
        Assert.That(error.Message, Does.Contain($"replied with status {status}: {{\"error\":"));
        Assert.That(server.Requests, Has.Count.EqualTo(tries));
    }

    [Test]
    public async Task WithoutRetries_ThereIsOneTry()
    {
        using StubServer server = new(_ => new StubReply("", 500));
        await FailureAsync(server, Fast with { Retries = 0 });
        Assert.That(server.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task AnUnknownCharacterSet_DoesNotMatter()
    {
        using StubServer server = new(_ => StubReply.Chat("é") with { ContentType = "application/json; charset=nonsense" });
        using ServerPool pool = new([server.Address], Fast);
        Assert.That((string)(await pool.ChatAsync(Body(), default))["choices"]![0]!["message"]!["content"]!, Is.EqualTo("é"));
    }

    [Test]
    public async Task TheOnlyServer_IsAskedAgainWhenItWants()
    {
        int asked = 0;
        using StubServer server = new(_ => asked++ == 0 ? new StubReply("slow down", 429) { RetryAfter = "1" } : StubReply.Chat("5"));
        using ServerPool pool = new([server.Address], Fast);
        Stopwatch clock = Stopwatch.StartNew();
        await pool.ChatAsync(Body(), default);
        Assert.That(clock.Elapsed, Is.GreaterThan(TimeSpan.FromSeconds(0.9)));
    }

    [Test]
    public async Task AServerThatWantsALongPause_DelaysNoRequestThatAnotherCanAnswer()
    {
        using StubServer busy = new(_ => new StubReply("slow down", 429) { RetryAfter = "999999999" });
        using StubServer free = new(_ => StubReply.Chat("5"));
        using ServerPool pool = new([busy.Address, free.Address], Fast with { Rest = TimeSpan.Zero });
        for (int i = 0; i < 20; i++)
            await pool.ChatAsync(Body(), default);
        Assert.That((busy.Requests.Count, free.Requests.Count), Is.EqualTo((1, 20)));
    }

    [Test]
    public async Task AServerThatIsDown_IsNotHammered()
    {
        using StubServer down = new(_ =>
        {
            Thread.Sleep(5);
            return new StubReply("", 500);
        });
        using StubServer up = new(_ =>
        {
            Thread.Sleep(1);
            return StubReply.Chat("5");
        });
        using ServerPool pool = new([down.Address, up.Address], Fast with { Rest = TimeSpan.FromMilliseconds(20) });
        Stopwatch clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => pool.ChatAsync(Body(), default)));
        Assert.That(up.Requests, Has.Count.EqualTo(200));
        // Those in flight when it failed first; then one at a time.
        Assert.That(down.Requests, Has.Count.LessThanOrEqualTo(Fast.MaxRequests + clock.Elapsed.TotalMilliseconds / 20 + 1));
    }

    [Test]
    public async Task AServerThatComesBack_IsAskedAgain()
    {
        bool down = true;
        using StubServer first = new(_ => down ? new StubReply("", 500) : StubReply.Chat("1"));
        using StubServer second = new(_ => StubReply.Chat("2"));
        using ServerPool pool = new([first.Address, second.Address], Fast with { Rest = TimeSpan.Zero });
        await pool.ChatAsync(Body(), default);
        down = false;
        first.Requests.Clear();
        await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => pool.ChatAsync(Body(), default)));
        Assert.That(first.Requests, Has.Count.GreaterThan(5));
    }

    [Test]
    public async Task Silence_IsBounded()
    {
        using StubServer server = new(_ => null);
        EndpointException error = await FailureAsync(server, Fast with { Retries = 1, Timeout = TimeSpan.FromSeconds(0.1) });
        Assert.That(error.Message, Does.EndWith("did not reply within 0.1 s"));
        Assert.That(server.Requests, Has.Count.EqualTo(2));
    }

    [Test]
    public async Task Cancellation_EndsSilenceAtOnce()
    {
        using StubServer server = new(_ => null);
        using ServerPool pool = new([server.Address], Fast);
        using CancellationTokenSource cancel = new(50);
        await Assert.ThrowsAsync(Is.InstanceOf<OperationCanceledException>(), () => pool.ChatAsync(Body(), cancel.Token));
        Assert.That(server.Requests, Has.Count.LessThanOrEqualTo(1));
    }

    [Test]
    public async Task RequestsInFlight_AreLimited()
    {
        int inFlight = 0, most = 0;
        using StubServer server = new(_ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref inFlight));
            Thread.Sleep(2);
            Interlocked.Decrement(ref inFlight);
            return StubReply.Chat("5");
        });
        using ServerPool pool = new([server.Address], Fast with { MaxRequests = 3 });
        await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => pool.ChatAsync(Body(), default)));
        Assert.That(most, Is.InRange(1, 3));
    }

    [TestCase("")]
    [TestCase("/")]
    [TestCase("/v1")]
    [TestCase("/v1/")]
    public async Task AnAddress_MayEndWithTheVersion(string end)
    {
        using StubServer server = new(request => request.Path == "/v1/models" ? new StubReply("{\"data\":[{\"id\":\"m\"}]}") : StubReply.Chat("5"));
        using ServerPool pool = new([server.Address + end], Fast);
        await pool.ChatAsync(Body(), default);
        Assert.That(await pool.FirstModelAsync(default), Is.EqualTo("m"));
        Assert.That(server.Requests.Select(request => request.Path), Is.EqualTo(new[] { "/v1/chat/completions", "/v1/models" }));
    }

    [TestCase("{}")]
    [TestCase("{\"data\":[]}")]
    [TestCase("{\"data\":[{\"id\":5}]}")]
    [TestCase("{\"data\":[{\"id\":\"\\ud800\"}]}")]
    public async Task AServerThatNamesNoModel_IsPassedOver(string models)
    {
        using StubServer bad = new(_ => new StubReply(models));
        using StubServer good = new(_ => new StubReply("{\"data\":[{\"id\":\"m\"}]}"));
        using ServerPool both = new([StubServer.FreeAddress(), bad.Address, good.Address], Fast), alone = new([bad.Address], Fast);
        Assert.That(await both.FirstModelAsync(default), Is.EqualTo("m"));
        Assert.That((await Assert.ThrowsAsync<EndpointException>(() => alone.FirstModelAsync(default)))!.Message, Does.StartWith(bad.Address));
    }

    [Test]
    public async Task AKey_IsSentAndNeverShown()
    {
        using StubServer server = new(request => new StubReply($"wrong key {request.Authorization![7..]}", 401));
        EndpointException error = await FailureAsync(server, Fast with { ApiKey = Key });
        Assert.That(server.Requests.Single().Authorization, Is.EqualTo("Bearer " + Key));
        Assert.That(error.ToString(), Does.Contain("wrong key [API key]").And.Not.Contain("secret"));
    }

    [Test]
    public async Task APasswordInAnAddress_IsNeverShown()
    {
        string address = StubServer.FreeAddress();
        using ServerPool pool = new([address.Replace("://", "://me:secret@", StringComparison.Ordinal)], Fast with { Retries = 1 });
        EndpointException error = (await Assert.ThrowsAsync<EndpointException>(() => pool.ChatAsync(Body(), default)))!;
        Assert.That(error.Message, Does.StartWith(address + " cannot be reached").And.Not.Contain("secret"));
    }

    [TestCase("")]
    [TestCase("secret\n")]
    [TestCase("sec ret")]
    [TestCase("secrét")]
    public void AKeyThatCannotBeSent_IsRefusedWithoutShowingIt(string key)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() => _ = new ServerPool(["http://a"], Fast with { ApiKey = key }))!;
        Assert.That(error.Message, Does.StartWith("the API key must be").And.Not.Contain("sec"));
    }

    [TestCase("localhost:8000")]
    [TestCase("ftp://a")]
    [TestCase("")]
    [TestCase("/v1")]
    public void AnAddressOfAnotherKind_IsRefused(string address) => Assert.That(
        Assert.Throws<ArgumentException>(() => _ = new ServerPool([address], Fast))!.Message, Does.Contain($"'{address}' is not an http or https address"));

    [TestCase(404, 1)]
    [TestCase(401, 1)]
    [TestCase(400, 0)]
    public async Task AServerThatDoesNotHaveTheModel_LeavesTheRequestToAnother(int status, int answers)
    {
        using StubServer other = new(_ => StubReply.Chat("fine")), without = new(_ => new StubReply("no", status));
        using ServerPool pool = new([without.Address, other.Address], Fast);
        if (answers == 0)
            await Assert.ThrowsAsync<EndpointException>(() => pool.ChatAsync(Body(), default));
        else
            await pool.ChatAsync(Body(), default);
        Assert.That(other.Requests, Has.Count.EqualTo(answers));
        Assert.That(without.Requests, Has.Count.EqualTo(1));
    }
}
