using System.Text.Json.Nodes;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

/// <summary>Mixtures, the curve, and how one walks through them.</summary>
[Category("Slow")]
internal sealed class TokenTests : PageTest
{
    [Test]
    public async Task Keyboard_WalksThroughTheTokens()
    {
        IPage page = await AnsweredAsync(
            StubbedReplies.Token(true, "Well", "First"), StubbedReplies.Token(true, " 4"), StubbedReplies.Token(true, " so", " thus", " hence"));
        ILocator card = page.Locator("#mixture");
        await page.FocusAsync("#question");
        for (int i = 0; i < 20 && !await IsTokenFocusedAsync(page); i++)
            await page.Keyboard.PressAsync("Shift+Tab");
        await Expect(page.Locator(":focus")).ToHaveTextAsync("WellFirst");
        await Expect(card).ToContainTextAsync("0.69 nats");
        await Expect(card.Locator("li")).ToHaveTextAsync(["Well50 %", "First50 %"]);
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(card.Locator("li")).ToHaveTextAsync(["4100 %"]);
        await Expect(page.Locator(".thought [tabindex]")).ToHaveCountAsync(1);
        await page.Keyboard.PressAsync("ArrowDown");
        await Expect(card.Locator("li")).ToHaveTextAsync(["so33 %", "thus33 %", "hence33 %"]);
        await page.Keyboard.PressAsync("ArrowUp");
        await Expect(card).ToContainTextAsync("1 of 4");
        await page.Keyboard.PressAsync("End");
        await Expect(card).ToContainTextAsync("3 of 4");
        await page.Keyboard.PressAsync("Escape");
        await Expect(card).ToBeHiddenAsync();
    }

    [Test]
    public async Task FocusedToken_IsDescribedByItsMixture()
    {
        IPage page = await AnsweredAsync(StubbedReplies.Token(true, "Well", "First"));
        await page.Locator(".thought [tabindex]").FocusAsync();
        await Expect(page.Locator(":focus")).ToHaveAccessibleDescriptionAsync("0.69 nats mixture 1 of 2 Well 50 % First 50 %");
    }

    [Test]
    public async Task CurveAndText_PointAtEachOther()
    {
        IPage page = await OpenAsync();
        await AskAsync(page);
        ILocator mixture = page.Locator(".thought .mixed").Nth(3), cursor = page.Locator(".cursor.at");
        await mixture.HoverAsync();
        await Expect(cursor).ToHaveCountAsync(1);
        await Expect(page.Locator(".token.lit")).ToHaveCountAsync(1);
        LocatorBoundingBoxResult dot = (await page.Locator(".cursor circle").BoundingBoxAsync())!;
        string? index = await mixture.GetAttributeAsync("data-index");

        await page.HoverAsync("h1");
        await Expect(cursor).ToHaveCountAsync(0);
        await Expect(page.Locator("#mixture")).ToBeHiddenAsync();

        await page.Mouse.MoveAsync(dot.X + dot.Width / 2, dot.Y + dot.Height / 2);
        await Expect(page.Locator(".token.lit")).ToHaveAttributeAsync("data-index", index!);
        await Expect(page.Locator("#mixture")).ToBeVisibleAsync();
        await page.Mouse.DownAsync();
        await page.Mouse.UpAsync();
        await Expect(page.Locator(":focus")).ToHaveAttributeAsync("data-index", index!);
    }

    [Test]
    public async Task Tap_ShowsTheMixtureUntilOneTapsElsewhere()
    {
        IPage page = await OpenAsync(options: new() { HasTouch = true, IsMobile = true, ViewportSize = new() { Width = 360, Height = 740 } });
        await AskAsync(page);
        await page.Locator(".thought .mixed").First.TapAsync();
        await Expect(page.Locator("#mixture li")).ToHaveCountAsync(3);
        await page.Locator(".turn h2").TapAsync();
        await Expect(page.Locator("#mixture")).ToBeHiddenAsync();
    }

    [Test]
    public async Task LongThought_IsOneTabStop()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await SendAsync(page);
        for (int part = 0; part < 20; part++)
            await replies.SendAsync(StubbedReplies.Chunk([.. Enumerable.Range(0, 200).Select(i => StubbedReplies.Token(true, TextsOf(i)))]));
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.EndOfThinking("cold_stop"), StubbedReplies.Token(false, "Yes")));
        await replies.SendAsync(StubbedReplies.End);
        await page.Locator("#send").WaitForAsync();
        await Expect(page.Locator(".thought .token")).ToHaveCountAsync(4001);
        await Expect(page.Locator(".thought [tabindex]")).ToHaveCountAsync(1);
        await Expect(page.Locator(".figures")).ToContainTextAsync("4,001 tokens");
        await page.Locator(".thought [tabindex]").FocusAsync();
        await page.Keyboard.PressAsync("End");
        await Expect(page.Locator("#mixture")).ToContainTextAsync("4001 of 4002");
        await Expect(page.Locator(":focus")).ToBeInViewportAsync();
        await page.GetByText("Show the whole thought").ClickAsync();
        Assert.That(await page.Locator(".thought").EvaluateAsync<bool>("thought => thought.scrollHeight <= thought.clientHeight"), Is.True);

        static string[] TextsOf(int i) => i % 4 == 0 ? [" so", " thus"] : i % 50 == 1 ? [".\n"] : [" and"];
    }

    [Test]
    public async Task Table_HasEveryToken()
    {
        IPage page = await AnsweredAsync(StubbedReplies.Token(true, "Well", "First"), StubbedReplies.Token(true, "\n"));
        await page.GetByText("Tokens as a table").ClickAsync();
        await Expect(page.Locator("tbody tr")).ToHaveTextAsync(
            ["1thought0.69Well 50 %, First 50 %", "2thought0.00↵ 100 %", "3answer0.00Yes 100 %"]);
    }

    [Test]
    public async Task Curve_IsDescribed()
    {
        IPage page = await AnsweredAsync(
            StubbedReplies.Token(true, "4"), StubbedReplies.Token(true, "so", "thus"), StubbedReplies.EndOfThinking("cold_stop"));
        await Expect(page.Locator(".chart svg")).ToHaveAccessibleNameAsync(
            "Entropy of 4 tokens: highest at token 2 with 0.69 nats; thinking is ended by the cold stop after token 3");
    }

    private static Task<bool> IsTokenFocusedAsync(IPage page) => page.EvaluateAsync<bool>("document.activeElement.matches('.thought .token')");

    // A page with a reply of some thoughts and the answer "Yes".
    private async Task<IPage> AnsweredAsync(params JsonObject[] thoughts)
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        await SendAsync(page);
        await new StubbedReplies(page).SendAsync(StubbedReplies.Chunk([.. thoughts, StubbedReplies.Token(false, "Yes")]) + StubbedReplies.End);
        await page.Locator("#send").WaitForAsync();
        return page;
    }
}
