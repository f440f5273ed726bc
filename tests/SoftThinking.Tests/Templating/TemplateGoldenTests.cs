using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Templating;

namespace SoftThinking.Tests.Templating;

/// <summary>Renders every golden template with every golden context; the texts come from the reference implementation
/// under the clock 2026-01-02 03:04:05.</summary>
[TestFixture, Category("Golden")]
internal sealed class TemplateGoldenTests
{
    private static readonly string? Folder = TestData.FindGolden("chat-template");

    private static IEnumerable<TestCaseData> Templates() => Folder == null
        ? [new TestCaseData((string?)null).SetArgDisplayNames("absent")]
        : Directory.GetFiles(Folder, "*.jinja").Order().Select(f =>
            new TestCaseData(f).SetArgDisplayNames(Path.GetFileNameWithoutExtension(f)));

    [TestCaseSource(nameof(Templates))]
    public void Template_renders_every_case_as_the_reference(string? path)
    {
        if (path == null)
        {
            Assert.Ignore("golden data of kind chat-template is absent: set SOFTTHINKING_GOLDEN to the folder that holds it");
            return;
        }
        string source = File.ReadAllText(path);
        using JsonDocument cases = JsonDocument.Parse(File.ReadAllBytes(Path.ChangeExtension(path, ".cases.json")));
        Assert.That(cases.RootElement.GetArrayLength(), Is.GreaterThan(0));
        Assert.Multiple(() =>
        {
            foreach (JsonElement one in cases.RootElement.EnumerateArray())
                Check(source, Path.GetFileName(path), one);
        });
    }

    private static void Check(string source, string file, JsonElement one)
    {
        string name = one.GetProperty("name").GetString()!;
        JsonElement context = one.GetProperty("context");
        if (one.TryGetProperty("expected", out JsonElement expected))
        {
            Assert.That(Render, Is.EqualTo(expected.GetString()), name);
            return;
        }
        string words = one.GetProperty("error").GetString()!;
        TemplateException? error = Assert.Throws<TemplateException>(() => Render(), name);

        // Where the words stand in the template, it raised them itself and they must come through.
        if (source.Contains(words))
            Assert.That(error?.Problem, Is.EqualTo(words), name);

        string Render() => ChatTemplate.Parse(source, file, clock: FixedClock.Instance).Render(context);
    }
}

/// <summary>2026-01-02 03:04:05, a Friday, everywhere.</summary>
internal sealed class FixedClock : TimeProvider
{
    public static FixedClock Instance { get; } = new();

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
}
