using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using NUnit.Framework;
using SoftThinking.Tests;
using static Microsoft.Playwright.Assertions;

namespace SoftThinking.Server.Tests.Page;

/// <summary>What the page looks like: accessibility, narrow windows, and pictures of it in artifacts/page.</summary>
[Category("Slow")]
internal sealed class LookTests : PageTest
{
    private static readonly (string Name, ColorScheme Colors, int Width, int Height)[] Looks =
    [
        ("light", ColorScheme.Light, 1120, 880), ("dark", ColorScheme.Dark, 1120, 880), ("phone", ColorScheme.Light, 360, 740),
    ];

    [TestCaseSource(nameof(LookNames))]
    public async Task Answer_IsAccessibleAndFits(string name)
    {
        IPage page = await OpenAsync(name, Parameters(("seed", "1")));
        await CheckAsync(page, $"{name}-welcome");
        await AskAsync(page);
        await page.EvaluateAsync("document.activeElement.blur()");
        await page.Locator(".thought .mixed").Nth(4).HoverAsync();
        await CheckAsync(page, name);
        await page.ClickAsync("#toggle-parameters");
        await CheckAsync(page, $"{name}-parameters");
    }

    [TestCaseSource(nameof(LookNames))]
    public async Task Comparison_IsAccessibleAndFits(string name)
    {
        IPage page = await OpenAsync(name, Parameters(("seed", "2")));
        if (name != "phone")
            await page.SetViewportSizeAsync(1400, 880);
        await page.CheckAsync("#compare");
        await AskAsync(page, "Tom has 42 pens and finds 35 more, then gives away 18. How many pens does Tom have?");
        await page.EvaluateAsync("document.activeElement.blur()");
        await CheckAsync(page, $"{name}-compare");
    }

    [TestCaseSource(nameof(LookNames))]
    public async Task Trouble_IsAccessibleAndFits(string name)
    {
        IPage page = await OpenAsync(name, StubbedReplies.Script);
        await SendAsync(page, "Averyverylongwordwithoutanyplacetobreakit".PadRight(200, 'x'));
        StubbedReplies replies = new(page);
        await replies.SendAsync(StubbedReplies.Chunk(
            StubbedReplies.Token(true, "long".PadRight(300, 'g')),
            StubbedReplies.Token(true, "wide".PadRight(200, 'e'), "other".PadRight(200, 'r'))));
        await replies.SendAsync(StubbedReplies.Error("the_device_was_lost_and_this_message_is_one_long_word_that_nobody_can_break"));
        await page.GetByText("Tokens as a table").ClickAsync();
        await Expect(page.Locator(".notice")).ToBeVisibleAsync();
        await CheckAsync(page, $"{name}-trouble");
    }

    [Test]
    public async Task Dark_IsDark()
    {
        IPage light = await OpenAsync("light", ""), dark = await OpenAsync("dark", "");
        Assert.That(await BrightnessAsync(light), Is.GreaterThan(0.9));
        Assert.That(await BrightnessAsync(dark), Is.LessThan(0.1));
    }

    private static IEnumerable<string> LookNames => Looks.Select(look => look.Name);

    private Task<IPage> OpenAsync(string name, string script)
    {
        (_, ColorScheme colors, int width, int height) = Looks.Single(look => look.Name == name);
        bool touch = width < 600;
        return OpenAsync(script: script, options: new()
        {
            ColorScheme = colors,
            ViewportSize = new() { Width = width, Height = height },
            DeviceScaleFactor = 2,
            HasTouch = touch,
            IsMobile = touch,
            ReducedMotion = ReducedMotion.Reduce,
        });
    }

    private static async Task CheckAsync(IPage page, string picture)
    {
        await page.Locator("#send:enabled").WaitForAsync();
        Directory.CreateDirectory(Path.Combine(TestData.RepositoryRoot, "artifacts", "page"));
        await page.ScreenshotAsync(new() { Path = Path.Combine(TestData.RepositoryRoot, "artifacts", "page", picture + ".png") });
        int excess = await page.EvaluateAsync<int>("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        Assert.That(excess, Is.Zero, $"{picture} is wider than the window");
        AxeResult result = await page.RunAxe();
        Assert.That(result.Violations.Select(Describe), Is.Empty, picture);
        Assert.That(result.Passes, Is.Not.Empty);
    }

    private static string Describe(AxeResultItem violation) =>
        $"{violation.Id}: {violation.Help}: {string.Join(", ", violation.Nodes.Select(node => node.Html))}";

    private static Task<double> BrightnessAsync(IPage page) => page.EvaluateAsync<double>(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + part / 765, 0)");
}
