using System.Text.Json;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

[Category("Slow")]
internal sealed class ParametersTests : PageTest
{
    [Test]
    public async Task Values_AreSentAndKept_EmptyOnesAreNot()
    {
        IPage page = await OpenAsync(script: "");
        await page.ClickAsync("#toggle-parameters");
        await page.FillAsync("#parameter-max_topk", "3");
        await page.FillAsync("#parameter-after_thinking_temperature", "0.25");
        await page.SelectOptionAsync("#parameter-reasoning_effort", "low");
        await page.FillAsync("#parameter-system", "Be brief.");
        await page.ReloadAsync();
        await Expect(page.Locator("#parameter-max_topk")).ToHaveValueAsync("3");
        JsonElement request = await RequestAsync(page);
        Assert.Multiple(() =>
        {
            Assert.That(request.GetProperty("max_topk").GetRawText(), Is.EqualTo("3"));
            Assert.That(request.GetProperty("after_thinking_temperature").GetRawText(), Is.EqualTo("0.25"));
            Assert.That(request.GetProperty("reasoning_effort").GetString(), Is.EqualTo("low"));
            Assert.That(request.GetProperty("messages")[0].GetProperty("content").GetString(), Is.EqualTo("Be brief."));
            Assert.That(request.GetProperty("no_soft_thinking").GetBoolean(), Is.False);
            foreach (string name in new[] { "temperature", "top_p", "max_tokens", "system", "soft_thinking" })
                Assert.That(request.TryGetProperty(name, out _), Is.False, name);
        });
        await Expect(page.Locator(".state")).ToHaveTextAsync("");
        await page.ClickAsync("#toggle-parameters");
        await page.GetByText("Reset").ClickAsync();
        await page.ReloadAsync();
        await Expect(page.Locator("#parameter-max_topk")).ToHaveValueAsync("");
    }

    [Test]
    public async Task SoftThinkingOff_IsOrdinaryThinking()
    {
        IPage page = await OpenAsync();
        await page.ClickAsync("#toggle-parameters");
        await page.UncheckAsync("#parameter-soft_thinking");
        await AskAsync(page);
        await Expect(page.Locator(".run h3")).ToHaveTextAsync("Chain of thought");
        await Expect(page.Locator(".thought .mixed")).ToHaveCountAsync(0);
        Assert.That(await page.Locator(".thought .token").CountAsync(), Is.Positive);
    }

    [Test]
    public async Task ValueOutOfRange_IsNotSent()
    {
        IPage page = await OpenAsync(script: Parameters(("top_p", "1.5")));
        await page.Locator("#send:enabled").WaitForAsync();
        await page.FillAsync("#question", Question);
        await page.PressAsync("#question", "Enter");
        await Expect(page.Locator("#parameter-top_p")).ToBeFocusedAsync();
        await Expect(page.Locator(".turn")).ToHaveCountAsync(0);
        await Expect(page.Locator("#question")).ToHaveValueAsync(Question);
    }

    [Test]
    public async Task ValueThatTheServerRefuses_IsShownAndCanBeMended()
    {
        IPage page = await OpenAsync(script: Parameters(("top_p", "0"), ("seed", "1")));
        await AskAsync(page);
        await Expect(page.Locator(".notice")).ToContainTextAsync("top_p");
        await Expect(page.Locator("#parameter-top_p")).ToBeFocusedAsync();
        await Expect(page.Locator("#parameter-top_p")).ToHaveAttributeAsync("aria-invalid", "true");
        await page.FillAsync("#parameter-top_p", "0.9");
        await page.GetByText("Try again").ClickAsync();
        await Expect(page.Locator(".answer")).ToContainTextAsync("113");
        await Expect(page.Locator(".turn")).ToHaveCountAsync(1);
    }

    [Test]
    public async Task DamagedStore_CountsAsEmpty()
    {
        IPage page = await OpenAsync(script: """localStorage.setItem("softthinking.parameters", "{\"top_p\": {}, \"seed\": [1]");""");
        await AskAsync(page);
        await Expect(page.Locator(".answer")).ToContainTextAsync("boxed");
    }

    [Test]
    public async Task Panel_OpensAndClosesByKeyboard()
    {
        IPage page = await OpenAsync();
        await page.FocusAsync("#toggle-parameters");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#parameter-soft_thinking")).ToBeFocusedAsync();
        await Expect(page.Locator("#toggle-parameters")).ToHaveAttributeAsync("aria-expanded", "true");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#parameters")).ToBeHiddenAsync();
        await Expect(page.Locator("#toggle-parameters")).ToBeFocusedAsync();
    }

    private static async Task<JsonElement> RequestAsync(IPage page)
    {
        IRequest request = await page.RunAndWaitForRequestAsync(() => SendAsync(page), request => request.Method == "POST");
        return JsonElement.Parse(request.PostData!);
    }
}
