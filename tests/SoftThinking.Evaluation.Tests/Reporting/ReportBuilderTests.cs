using System.Globalization;
using System.Text.Json.Nodes;
using System.Xml.Linq;
using NUnit.Framework;
using SoftThinking.Evaluation.Reporting;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Tests.Reporting;

public class ReportBuilderTests
{
    private const string Hostile =
        "<script>alert(1)</script>]]>\"'><img src=x onerror=alert(1)>&amp;--></style></title>|`[a](http://b.c)\0\u202E\uD800\n# x";

    /// <summary>Small, since most tests write a report of it.</summary>
    private static EvaluationResults Small(int samples = 1) => Example.Create(items: 10, seeds: 2, samples, traced: 2);

    private string _directory = "";

    [SetUp]
    public void CreateDirectory() => _directory = Directory.CreateTempSubdirectory("softthinking-report").FullName;

    [TearDown]
    public void DeleteDirectory() => Directory.Delete(_directory, recursive: true);

    [Test]
    public void ThePageIsWellFormedAndNeedsNothingElse()
    {
        XDocument page = Page(Small());
        Assert.That(page.Root!.Name.LocalName, Is.EqualTo("html"));
        Assert.That(Names(page), Does.Not.Contain("script").And.Not.Contain("link").And.Not.Contain("img").And.Not.Contain("iframe"));
        Assert.That(page.Descendants().Attributes().Where(a => a.Name.LocalName is "src" or "href"), Is.Empty);
        Assert.That(page.Descendants().Single(e => e.Name.LocalName == "style").Value, Does.Not.Contain("url(").And.Not.Contain("@import"));
        Assert.That(page.Descendants().Attributes("id").Select(a => a.Value), Is.Unique);
    }

    [Test]
    public void ThePageHasEveryPart()
    {
        XDocument page = Page(Small(samples: 4));
        Assert.That(Headings(page), Is.EqualTo(new[]
        {
            "Accuracy against tokens", "Settings", "Differences", "Several samples", "Accuracy by terms", "Length of samples",
            "How samples ended", "How thoughts ended", "Entropy of thoughts", "Where settings differ", "Transcripts",
            "How the numbers are computed",
        }));
        Assert.That(page.Descendants().Count(e => e.Name.LocalName == "svg"), Is.EqualTo(2 + 5 + 5));
        Assert.That(page.Descendants().Count(e => e.Attribute("class")?.Value == "end cold"), Is.GreaterThan(0));
    }

    [Test]
    public void MixturesShowTheirEntries()
    {
        XDocument page = Page(Small());
        string? mixture = page.Descendants().FirstOrDefault(e => e.Attribute("class")?.Value == "mix")?.Attribute("data-mix")?.Value;
        Assert.That(mixture, Does.Match("^62.0%\u2002[^\n]+\n30.0%\u2002[^\n]+\n8.0%\u2002␣so\nentropy [0-9.]+ nats$"));
    }

    [Test]
    public void MarkdownHasTheTablesOfThePage()
    {
        XDocument page = Page(Small(samples: 4));
        string markdown = File.ReadAllText(Path.Combine(_directory, ReportBuilder.MarkdownName));
        string[] titles = [.. markdown.Split('\n').Where(l => l.StartsWith("### ", StringComparison.Ordinal)).Select(l => l[4..])];
        Assert.That(titles, Is.SubsetOf(Headings(page).Append("Options")));
        Assert.That(titles, Has.Length.EqualTo(8));
        AssertTables(markdown);
    }

    [Test]
    public void HostileTextStaysText()
    {
        XDocument harmless = Page(HostileResults("harmless"));
        XDocument page = Page(HostileResults(Hostile));
        Assert.That(Names(page), Is.EqualTo(Names(harmless)), "no text becomes an element");
        Assert.That(Attributes(page), Is.EqualTo(Attributes(harmless)), "no text becomes an attribute");
        Assert.That(page.Root!.Value, Does.Contain("<script>alert(1)</script>]]>\"'><img src=x onerror=alert(1)>&amp;--></style></title>"));
        Assert.That(page.ToString().Contains('\u202E'), Is.False, "the text after it would read backwards");

        string markdown = File.ReadAllText(Path.Combine(_directory, ReportBuilder.MarkdownName));
        Assert.That(markdown, Does.Not.Match(@"(?<!\\)<").And.Not.Match(@"(?<!\\)`").And.Not.Match(@"(?<!\\)\[").And.Not.Contain("http:"));
        AssertTables(markdown);
    }

    [Test]
    public void TwoWritesAreEqual()
    {
        byte[] first = Bytes("a", Small());
        byte[] second = Bytes("b", Small());
        Assert.That(second, Is.EqualTo(first));
        Assert.That(Directory.GetFiles(Path.Combine(_directory, "a")).Select(Path.GetFileName), Is.EquivalentTo(new[] { "report.html", "report.md" }));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void ALinkIsFollowed()
    {
        string link = Path.Combine(_directory, ReportBuilder.MarkdownName);
        File.CreateSymbolicLink(link, "elsewhere.md");
        ReportBuilder.Write([Small()], _directory);
        Assert.That(new FileInfo(link).LinkTarget, Is.EqualTo("elsewhere.md"));
        Assert.That(File.ReadAllText(Path.Combine(_directory, "elsewhere.md")), Is.Not.Empty);
    }

    [Test]
    public void CultureMakesNoDifference()
    {
        byte[] expected = Bytes("a", Small());
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            foreach (string culture in new[] { "de-DE", "ar-SA" })
            {
                CultureInfo.CurrentCulture = new CultureInfo(culture);
                Assert.That(Bytes("b", Small()), Is.EqualTo(expected), culture);
            }
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Test]
    public void EvaluationsOfTheSameDataAreCompared()
    {
        EvaluationResults all = Example.Create(items: 10, seeds: 2);
        EvaluationResults soft = all with { Runs = [.. all.Runs.Where(r => r.Setting == "soft")] };
        EvaluationResults cot = all with { Runs = [.. all.Runs.Where(r => r.Setting == "cot")] };
        Assert.That(Page(soft, cot).Root!.Value, Does.Match("(soft|cot) is [0-9.]+ points above (soft|cot)|equally accurate"));
        XDocument apart = Page(soft, cot with { DatasetSha256 = "0" });
        Assert.That(apart.Root!.Value, Does.Not.Match("points above|equally accurate"));
        Assert.That(apart.Descendants().Where(e => e.Name.LocalName == "section").Attributes("id").Select(a => a.Value), Is.EqualTo(new[] { "s1", "s2" }));
    }

    [Test]
    public void TheSameRunTwiceCountsOnce()
    {
        EvaluationResults results = Example.Create(items: 5, seeds: 2);
        XDocument page = Page(results, results);
        Assert.That(page.Root!.Value, Does.Contain("10 runs left out").And.Contain("5 items, 5 settings, 50 samples"));
    }

    [Test]
    public void SettingsOfOneNameWithOtherOptionsStayApart()
    {
        EvaluationResults results = Example.Create(items: 5, seeds: 1);
        SettingResults soft = results.Runs[0];
        SettingResults other = soft with { Options = new Dictionary<string, string> { ["--temperature"] = "1" } };
        Assert.That(Page(results with { Runs = [soft, other] }).Root!.Value, Does.Contain("soft (2)"));
    }

    [Test]
    public void ResultsWithoutItemsAreReported()
    {
        EvaluationResults results = Example.Create(items: 0);
        Assert.That(Page(results).Root!.Value, Does.Contain("soft answered no item.").And.Contain("0 items"));
        EvaluationResults one = Example.Create(items: 1, seeds: 1, traced: 0);
        Assert.That(Page(one with { Runs = [one.Runs[0]] }).Root!.Value, Does.Contain("1 item, 1 setting, 1 sample"));
    }

    [Test]
    public void ASettingWithoutItemsDoesNotHideTheOthers()
    {
        EvaluationResults results = Example.Create(items: 5, seeds: 1);
        SettingResults[] runs = [results.Runs[0] with { Items = [] }, results.Runs[1], results.Runs[2]];
        string text = Page(results with { Runs = runs }).Root!.Value;
        Assert.That(text, Does.Contain("soft answered no item.").And.Contain("5 items, 2 settings, 10 samples").And.Not.Contain("NaN"));
    }

    [Test]
    public void NumbersThatAreNoneAreShownAsNone()
    {
        EvaluationResults results = Example.Create(items: 2, seeds: 1);
        SampleResult broken = Example.Sample(true) with
        {
            MeanEntropy = double.NaN,
            Trace = [new TracedToken("a", float.NaN, true, [new TracedEntry(1, "a", float.PositiveInfinity)]), new TracedToken("b", -1, true, [])],
        };
        SettingResults run = results.Runs[0] with { Items = [Example.Item(0, broken)] };
        Assert.That(Page(results with { Runs = [run] }).ToString(), Does.Not.Contain("NaN").And.Not.Contain("∞"));
    }

    [Test]
    public void TheMajorityNamesItsVotes()
    {
        Assert.That(Page(Small(samples: 8)).Root!.Value, Does.Contain("majority of 8"));
        Assert.That(Page(Small()).Root!.Value, Does.Not.Contain("majority of"));
    }

    [Test, Category("Slow")]
    public void APageOfManyItemsStaysSmall()
    {
        ReportBuilder.Write([Example.Create(items: 500, seeds: 1, traced: 5)], _directory);
        Assert.That(new FileInfo(Path.Combine(_directory, ReportBuilder.HtmlName)).Length, Is.LessThan(1_000_000));
        string page = File.ReadAllText(Path.Combine(_directory, ReportBuilder.HtmlName));
        Assert.That(page, Does.Not.Contain("<script"));
    }

    [Test]
    public void SettingsWithTheSameSamplesAreDescribedOnce()
    {
        EvaluationResults results = Example.Create(items: 5, seeds: 1);
        SettingResults[] runs = [results.Runs[0], results.Runs[0] with { Setting = "twin" }, results.Runs[1]];
        ReportBuilder.Write([results with { Runs = runs }], _directory);
        string text = File.ReadAllText(Path.Combine(_directory, ReportBuilder.MarkdownName));
        Assert.That(text, Does.Contain("soft and twin produced the same samples").And.Not.Match("twin is|above twin|more accurate than twin"));
    }

    [Test]
    public void AnEvaluationIsNeeded() => Assert.Throws<ArgumentException>(() => ReportBuilder.Write([], _directory));

    [Test]
    public void LongThoughtsAreCutInTheMiddle()
    {
        EvaluationResults results = Example.Create(items: 1, seeds: 1);
        TracedToken[] trace = [.. Enumerable.Range(0, 30_000).Select(i => new TracedToken($"t{i} ", 1, true, []))];
        SampleResult sample = Example.Sample(true) with { Trace = trace };
        SettingResults run = results.Runs[0] with { Items = [Example.Item(0, sample)] };
        string text = Page(results with { Runs = [run] }).Root!.Value;
        Assert.That(text, Does.Contain("28,000 tokens left out").And.Contain("t1499 ").And.Contain("t29500 "));
        Assert.That(text, Does.Not.Contain("t1500 ").And.Not.Contain("t29499 "));
    }

    private XDocument Page(params EvaluationResults[] evaluations)
    {
        ReportBuilder.Write(evaluations, _directory);
        string html = File.ReadAllText(Path.Combine(_directory, ReportBuilder.HtmlName));
        Assert.That(html, Does.StartWith("<!DOCTYPE html>\n"));
        return XDocument.Parse(html["<!DOCTYPE html>\n".Length..], LoadOptions.PreserveWhitespace);
    }

    private byte[] Bytes(string name, EvaluationResults results)
    {
        string directory = Path.Combine(_directory, name);
        ReportBuilder.Write([results], directory);
        return
        [
            .. File.ReadAllBytes(Path.Combine(directory, ReportBuilder.HtmlName)), .. File.ReadAllBytes(Path.Combine(directory, ReportBuilder.MarkdownName)),
        ];
    }

    private static string[] Names(XDocument page) => [.. page.Descendants().Select(e => e.Name.LocalName)];

    private static string[] Attributes(XDocument page) => [.. page.Descendants().Attributes().Select(a => a.Name.LocalName)];

    private static string[] Headings(XDocument page) =>
        [.. page.Descendants().Where(e => e.Name.LocalName == "h3").Select(e => e.Value)];

    /// <summary>Every line of a table has as many cells as its head.</summary>
    private static void AssertTables(string markdown)
    {
        int cells = 0;
        foreach (string line in markdown.Split('\n'))
        {
            int bars = line.Replace(@"\\", "", StringComparison.Ordinal).Replace(@"\|", "", StringComparison.Ordinal).Count(c => c == '|');
            if (bars > 0 && cells > 0)
                Assert.That(bars, Is.EqualTo(cells), line);
            cells = bars;
        }
    }

    /// <summary>Results of two settings with the same text everywhere that a file or a model can put one.</summary>
    private static EvaluationResults HostileResults(string text)
    {
        SampleResult Sample(bool correct) => new()
        {
            Seed = 1,
            Thinking = text,
            Answer = text,
            ThinkingTokens = 2,
            AnswerTokens = 1,
            FinishReason = text,
            ThinkingEnd = text,
            Error = text,
            Verdict = new Verdict(correct ? Outcome.Correct : Outcome.Wrong, text) { Answer = text, Note = text },
            Trace = [new TracedToken(text, 1, true, [new TracedEntry(1, text, 0.5f), new TracedEntry(2, text, 0.5f)]), new TracedToken(text, 1, false, [])],
        };
        ItemResult Item(int index, bool correct) => new()
        {
            Index = index,
            Question = text,
            Reference = JsonValue.Create(text),
            Groups = new Dictionary<string, string> { [text] = text + index },
            Samples = [Sample(correct) with { Trace = index == 0 ? Sample(true).Trace : null }],
        };
        SettingResults Run(string name, bool correct) => new()
        {
            Setting = name,
            Seed = 1,
            Options = new Dictionary<string, string> { [text] = text },
            Items = [Item(0, correct), Item(1, true)],
        };
        return new EvaluationResults { Model = text, Dataset = text, DatasetSha256 = text, Runs = [Run(text, true), Run(text + "2", false)] };
    }
}
