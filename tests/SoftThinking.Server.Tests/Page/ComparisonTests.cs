using System.Text.Json;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

[Category("Slow")]
internal sealed class ComparisonTests : PageTest
{
    [Test]
    public async Task SameQuestionAndSeed_WithAndWithoutSoftThinking()
    {
        IPage page = await OpenAsync();
        List<JsonElement> requests = [];
        page.Request += (_, request) =>
        {
            if (request.Method == "POST")
                requests.Add(JsonElement.Parse(request.PostData!));
        };
        await page.CheckAsync("#compare");
        await AskAsync(page);
        await AskAsync(page, "Compute 40 + 7.");
        ILookup<bool, JsonElement> sides = requests.ToLookup(request => request.GetProperty("no_soft_thinking").GetBoolean());
        Assert.That((sides[false].Count(), sides[true].Count()), Is.EqualTo((2, 2)));
        Assert.That(sides[true].Select(SeedOf), Is.EqualTo(sides[false].Select(SeedOf)));
        string thought = sides[true].Last().GetProperty("messages")[1].GetProperty("reasoning_content").GetString()!;
        string? shown = await page.Locator(".turn").First.Locator(".run:nth-child(2) .thought").TextContentAsync();
        Assert.That(shown, Does.StartWith(thought), "each side continues its own conversation");
        await Expect(page.Locator(".turn").First.Locator(".run h3")).ToHaveTextAsync(["Soft thinking", "Chain of thought"]);
        Assert.That(await page.Locator(".run:nth-child(1) .mixed").CountAsync(), Is.Positive);
        await Expect(page.Locator(".run:nth-child(2) .mixed")).ToHaveCountAsync(0);
    }

    [Test]
    public async Task Sides_AreNextToEachOtherWhereThereIsRoom()
    {
        IPage page = await OpenAsync(options: new() { ViewportSize = new() { Width = 1280, Height = 800 } });
        await page.CheckAsync("#compare");
        await AskAsync(page);
        Assert.That(await TopsAsync(page, ".run"), Has.Length.EqualTo(2).And.All.EqualTo((await TopsAsync(page, ".run"))[0]));
        Assert.That(await TopsAsync(page, ".chart"), Has.All.EqualTo((await TopsAsync(page, ".chart"))[0]), "the curves are at the same height");
        await page.SetViewportSizeAsync(360, 740);
        Assert.That(await TopsAsync(page, ".run"), Is.Ordered.Ascending.And.Unique);
    }

    [Test]
    public async Task OneSideFails_TheOtherGoesOn()
    {
        IPage page = await OpenAsync(script: StubbedReplies.Script);
        StubbedReplies replies = new(page);
        await page.CheckAsync("#compare");
        await SendAsync(page);
        await replies.SendAsync(StubbedReplies.Error("the device was lost"), request: 1);
        await replies.SendAsync(StubbedReplies.Chunk(StubbedReplies.Token(false, "Yes")) + StubbedReplies.End, request: 0);
        await Expect(page.Locator(".run:nth-child(2) .notice")).ToContainTextAsync("the device was lost");
        await Expect(page.Locator(".run:nth-child(1) .answer .tokens")).ToHaveTextAsync("Yes");
        await page.GetByText("Try again").ClickAsync();
        JsonElement[] requests = await replies.RequestsAsync();
        Assert.That(requests, Has.Length.EqualTo(3), "only the side that failed is asked again");
        Assert.That(requests[2].GetProperty("no_soft_thinking").GetBoolean(), Is.True);
        Assert.That(SeedOf(requests[2]), Is.EqualTo(SeedOf(requests[0])));
    }

    private static ulong SeedOf(JsonElement request) => request.GetProperty("seed").GetUInt64();

    private static Task<double[]> TopsAsync(IPage page, string selector) =>
        page.EvaluateAsync<double[]>($"[...document.querySelectorAll('{selector}')].map(part => Math.round(part.getBoundingClientRect().top))");
}
