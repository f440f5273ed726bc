using System.Text.Json;
using Microsoft.Playwright;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Page;

/// <summary>Tests in a browser. A test fails, too, when the page throws, logs an error, or violates its content security policy.</summary>
internal abstract class PageTest
{
    /// <summary>A question whose thought has mixtures.</summary>
    protected const string Question = "What is 47 + 85 - 19?";

    private readonly List<IBrowserContext> _contexts = [];

    /// <summary>What went wrong in the pages of this test.</summary>
    protected List<string> Problems { get; } = [];

    protected static TestServer Server => SharedServer.Instance;

    [SetUp]
    public void NeedBrowser() => _ = Chromium.Browser;

    [TearDown]
    public async Task CloseAsync()
    {
        foreach (IBrowserContext context in _contexts)
            await context.DisposeAsync();
        _contexts.Clear();
        string[] problems = [.. Problems];
        Problems.Clear();
        Assert.That(problems, Is.Empty);
    }

    /// <summary>Opens the page of a server in a fresh browser profile.</summary>
    /// <param name="address">Address of the page; null for that of the shared server.</param>
    /// <param name="script">Run before the scripts of the page; null for one that sets a seed with which the model is right.</param>
    protected async Task<IPage> OpenAsync(Uri? address = null, BrowserNewContextOptions? options = null, string? script = null)
    {
        IBrowserContext context = await Chromium.Browser.NewContextAsync(options ?? new());
        _contexts.Add(context);
        context.SetDefaultTimeout(20_000);
        IPage page = await context.NewPageAsync();
        page.Console += (_, message) => Note(message);
        page.PageError += (_, error) => Problems.Add(error);
        if (script != "")
            await page.AddInitScriptAsync(script ?? Parameters(("seed", "1")));
        await page.GotoAsync((address ?? Server.Server.Address).ToString());
        return page;
    }

    /// <summary>Asks a question, and waits until the reply has ended.</summary>
    protected static async Task AskAsync(IPage page, string question = Question)
    {
        await SendAsync(page, question);
        await page.Locator("#send").WaitForAsync();
    }

    /// <summary>Asks a question.</summary>
    protected static async Task SendAsync(IPage page, string question = Question)
    {
        await page.Locator("#send:enabled").WaitForAsync();
        await page.FillAsync("#question", question);
        int turns = await page.Locator(".turn").CountAsync();
        await page.PressAsync("#question", "Enter");
        await page.Locator(".turn").Nth(turns).WaitForAsync();
    }

    /// <summary>A script that sets parameters, each a name and a value.</summary>
    protected static string Parameters(params (string Name, string Value)[] values) =>
        $"localStorage.setItem('softthinking.parameters', JSON.stringify({JsonSerializer.Serialize(values.ToDictionary())}));";

    // That a resource could not be loaded is logged for every status that is an error, also for those that tests ask for.
    private void Note(IConsoleMessage message)
    {
        if (message.Type is "error" or "warning" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
            Problems.Add(message.Text);
    }
}
