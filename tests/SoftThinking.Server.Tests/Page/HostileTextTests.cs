using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

/// <summary>What a model writes is text, whatever it looks like.</summary>
[Category("Slow")]
internal sealed class HostileTextTests : PageTest
{
    private const string Image = "<img src=x onerror=alert(1)>", Script = "<script>alert(2)</script>";

    [Test]
    public async Task Markup_IsShownLiterally()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        List<string> dialogs = [];
        page.Dialog += (_, dialog) =>
        {
            dialogs.Add(dialog.Message);
            _ = dialog.DismissAsync();
        };
        await SendAsync(page, Image);
        await new StubbedReplies(page).SendAsync(
            StubbedReplies.Chunk(StubbedReplies.Token(true, Image, Script), StubbedReplies.Token(false, Script + "&amp;")) + StubbedReplies.End);
        await Expect(page.Locator(".turn h2")).ToHaveTextAsync(Image);
        await Expect(page.Locator("#turns .top")).ToHaveTextAsync(Image);
        await Expect(page.Locator("#turns .other")).ToHaveTextAsync(Script);
        await Expect(page.Locator(".answer .tokens")).ToHaveTextAsync(Script + "&amp;");
        await page.Locator("#turns .top").HoverAsync();
        await Expect(page.Locator("#mixture bdi")).ToHaveTextAsync([Image, Script]);
        await page.GetByText("Tokens as a table").ClickAsync();
        await Expect(page.Locator("tbody")).ToContainTextAsync(Image);
        Assert.That(await page.Locator("main img, main script").CountAsync(), Is.Zero);
        Assert.That(dialogs, Is.Empty);
    }

    [Test]
    public async Task ErrorMessage_IsShownLiterally()
    {
        IPage page = await OpenAsync();
        const string Body = $$$"""{"error": {"message": "{{{Image}}}"}}""";
        await page.RouteAsync("**/v1/chat/completions",
            route => route.FulfillAsync(new() { Status = 500, ContentType = "application/json", Body = Body }));
        await SendAsync(page);
        await Expect(page.Locator(".notice p")).ToHaveTextAsync(Image);
    }

    [Test]
    public async Task OverridesOfTheDirection_HaveNoEffect()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        await SendAsync(page);
        await new StubbedReplies(page).SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(false, "a\u202eb\u0000c\u2066")) + StubbedReplies.End);
        await Expect(page.Locator(".answer .tokens")).ToHaveTextAsync("a\ufffdb\ufffdc\ufffd");
    }

    [Test]
    public async Task InlineScript_IsRefusedByThePolicy()
    {
        IPage page = await OpenAsync();
        await page.EvaluateAsync("document.body.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = true' }))");
        Assert.That(await page.EvaluateAsync<bool>("window.ran === true"), Is.False);
        Assert.That(Problems, Has.Some.Contain("Content Security Policy"), "violations are noticed");
        Problems.Clear();
    }
}
