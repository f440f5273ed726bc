using Microsoft.Playwright;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Page;

/// <summary>The browser that the page is tested in: what SOFTTHINKING_CHROMIUM names, or an installed Chromium or Chrome.</summary>
[SetUpFixture]
internal sealed class Chromium
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    private static readonly string[] Arguments =
    [
        "--no-sandbox", "--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    private static IPlaywright? _playwright;
    private static IBrowser? _browser;

    /// <summary>The browser; the test is skipped where there is none.</summary>
    public static IBrowser Browser
    {
        get
        {
            if (_browser == null)
                Assert.Ignore("there is no Chromium to test the page in: install the package chromium, or set SOFTTHINKING_CHROMIUM to a file");
            return _browser!;
        }
    }

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        if (FindFile() is not string file)
            return;
        Assertions.SetDefaultExpectTimeout(20_000);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = file, Args = Arguments });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_browser != null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }

    private static string? FindFile()
    {
        if (Environment.GetEnvironmentVariable("SOFTTHINKING_CHROMIUM") is { Length: > 0 } named)
            return named;
        string[] folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return Names.SelectMany(name => folders.Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
    }
}
