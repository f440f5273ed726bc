using Microsoft.Playwright;
using NUnit.Framework;
using SoftThinking.Tests;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

/// <summary>Servers that are loading, busy, locked, broken or away.</summary>
[Category("Slow")]
internal sealed class ServerStateTests : PageTest
{
    [Test]
    public async Task Loading_ShowsProgressUntilOneCanAsk()
    {
        TaskCompletionSource reported = new(), proceed = new();
        await using SoftThinkingServer server = new(new ServerOptions { ModelName = TestServer.Model, Port = 0 }, async (progress, cancellation) =>
        {
            progress(0.42);
            reported.SetResult();
            await proceed.Task.WaitAsync(cancellation);
            return await Engine.LoadAsync(TestData.TinyReasoner, new EngineOptions { Threads = 2 }, cancellation);
        });
        await server.StartAsync();
        await reported.Task;
        IPage page = await OpenAsync(server.Address);
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("The model is loading: 42 %");
        await Expect(page.Locator("#server-progress")).ToHaveAttributeAsync("value", "0.42");
        await Expect(page.Locator("#send")).ToBeDisabledAsync();
        proceed.SetResult();
        await page.Locator("#send:enabled").WaitForAsync();
        await Expect(page.Locator("#server")).ToBeHiddenAsync();
        await Expect(page.Locator("#model")).ToHaveTextAsync(TestServer.Model);
    }

    [Test]
    public async Task ModelThatCannotBeLoaded_IsSaid()
    {
        await using SoftThinkingServer server = new(new ServerOptions { ModelName = TestServer.Model, Port = 0 },
            (_, _) => Task.FromException<Engine>(new IOException("nothing there")));
        await server.StartAsync();
        IPage page = await OpenAsync(server.Address);
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("The model could not be loaded.");
    }

    [Test]
    public async Task Key_IsAskedForAndKeptInTheTab()
    {
        await using TestServer locked = await TestServer.StartAsync(options => options with { ApiKeys = ["sesame"] });
        IPage page = await OpenAsync(locked.Server.Address);
        await Expect(page.Locator("#key")).ToBeFocusedAsync();
        await page.FillAsync("#key", "wrong");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#key-error")).ToBeVisibleAsync();
        await Expect(page.Locator("#send")).ToBeDisabledAsync();
        await page.FillAsync("#key", "sesame");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#key-form")).ToBeHiddenAsync();
        await AskAsync(page);
        await Expect(page.Locator(".answer")).ToContainTextAsync("113");
        Assert.That(await page.EvaluateAsync<string>("JSON.stringify(localStorage) + document.cookie + location.href"), Does.Not.Contain("sesame"));
        await page.ReloadAsync();
        await page.Locator("#send:enabled").WaitForAsync();
    }

    [Test]
    public async Task Busy_AsksAgainWhenTheServerSaid()
    {
        IPage page = await OpenAsync();
        int refusals = 1;
        await page.RouteAsync("**/v1/chat/completions", route => refusals-- > 0
            ? route.FulfillAsync(new()
            {
                Status = 429,
                Headers = new Dictionary<string, string> { ["Retry-After"] = "1" },
                ContentType = "application/json",
                Body = """{"error": {"message": "the queue is full", "type": "rate_limit_error", "param": null, "code": null}}""",
            })
            : route.ContinueAsync());
        await SendAsync(page);
        await Expect(page.Locator(".notice")).ToContainTextAsync("the queue is full");
        await Expect(page.Locator(".answer")).ToContainTextAsync("113");
        await Expect(page.Locator(".notice")).ToBeHiddenAsync();
    }

    [Test]
    public async Task ErrorInTheStream_IsShownBelowWhatArrived()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await SendAsync(page);
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(true, "Hmm")) + StubbedReplies.Error("the device was lost"));
        await Expect(page.Locator(".notice")).ToContainTextAsync("the device was lost");
        await Expect(page.Locator(".thought")).ToHaveTextAsync("Hmm");
        await Expect(page.Locator("#announcer")).ToHaveTextAsync("the device was lost");
    }

    [Test]
    public async Task BrokenConnection_IsNotTakenForTheEnd()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await SendAsync(page);
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(true, "Hmm")));
        await replies.CloseAsync();
        await Expect(page.Locator(".notice")).ToContainTextAsync("The connection ended before the reply did.");
    }

    [Test]
    public async Task ServerThatIsAway_IsAwaited()
    {
        IPage page = await OpenAsync();
        await page.Locator("#send:enabled").WaitForAsync();
        await page.RouteAsync("**/{health,v1/**}", route => route.AbortAsync());
        await SendAsync(page);
        await Expect(page.Locator(".notice")).ToContainTextAsync("The server cannot be reached.");
        await Expect(page.GetByRole(AriaRole.Status)).ToHaveTextAsync("The server cannot be reached. Trying again.");
        await page.UnrouteAllAsync();
        await Expect(page.Locator("#server")).ToBeHiddenAsync();
        await page.GetByText("Try again").ClickAsync();
        await Expect(page.Locator(".answer")).ToContainTextAsync("113");
    }

    [Test]
    public async Task Page_WorksUnderAPrefix()
    {
        Uri address = new(Server.Server.Address, "deep/down/");
        IPage page = await (await Chromium.Browser.NewContextAsync()).NewPageAsync();
        await page.RouteAsync(url => true, async route =>
        {
            Assert.That(route.Request.Url, Does.StartWith(address.ToString()));
            await route.FulfillAsync(new() { Response = await route.FetchAsync(new() { Url = route.Request.Url.Replace("deep/down/", "") }) });
        });
        await page.GotoAsync(address.ToString());
        await AskAsync(page);
        await Expect(page.Locator(".answer")).ToContainTextAsync("113");
        await page.Context.DisposeAsync();
    }
}
