using System.Xml.Linq;
using NUnit.Framework;
using SoftThinking.Evaluation.Reporting.Plots;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Tests.Reporting;

public class PlotTests
{
    [TestCase(0, 100, "0%,20%,40%,60%,80%,100%")]
    [TestCase(0.31, 0.69, "0.3%,0.4%,0.5%,0.6%,0.7%")]
    [TestCase(0, 41_000, "0%,10,000%,20,000%,30,000%,40,000%,50,000%")]
    [TestCase(7, 7, "6%,8%")]
    [TestCase(0, 0, "0.0%,0.2%")]
    [TestCase(-3, 4, "-4%,-2%,0%,2%,4%")]
    public void TicksAreRoundNumbersAroundTheRange(double min, double max, string expected)
    {
        Axis axis = Axis.Linear("x", min, max, "%");
        Assert.That(string.Join(",", axis.Ticks.Select(t => t.Label)), Is.EqualTo(expected));
        Assert.That(axis.Min, Is.LessThanOrEqualTo(min));
        Assert.That(axis.Max, Is.GreaterThanOrEqualTo(max).And.GreaterThan(axis.Min));
    }

    [Test]
    public void TextDoesNotDependOnFontsOfTheMachine()
    {
        XElement svg = Plot("p");
        string[] texts = [.. svg.Descendants().Where(e => e.Name.LocalName == "text").Select(e => e.Value)];
        Assert.That(texts, Is.EqualTo(new[] { "0", "1", "2", "3", "4", "5", "0%", "2%", "4%", "6%", "8%", "10%", "steps", "share" }));
        Assert.That(svg.DescendantsAndSelf().Attributes("font-family"), Is.Empty);
    }

    [Test]
    public void ColorsFollowTheTheme()
    {
        string[] colors =
        [
            .. Plot("p").DescendantsAndSelf().Attributes().Where(a => a.Name.LocalName is "fill" or "stroke").Select(a => a.Value).Distinct(),
        ];
        Assert.That(colors, Is.SubsetOf(new[] { "none" }), "a fixed color is invisible in one of the themes");
        string[] classes = [.. Plot("p").Descendants().Attributes("class").Select(a => a.Value).Distinct()];
        Assert.That(classes, Is.EquivalentTo(new[] { "s-grid", "s-axis", "f1", "s1", "f2", "s2" }));
    }

    [Test]
    public void IdsOfTwoPlotsDiffer()
    {
        string[] ids = [.. Plot("a").Descendants().Concat(Plot("b").Descendants()).Attributes("id").Select(a => a.Value)];
        Assert.That(ids, Is.Not.Empty.And.Unique);
        string[] used = [.. Plot("a").Descendants().Attributes("clip-path").Select(a => a.Value)];
        Assert.That(used, Is.SubsetOf(ids.Select(i => $"url(#{i})")));
    }

    [Test]
    public void SizeComesFromThePage()
    {
        XElement svg = Plot("p");
        Assert.That(svg.Attribute("viewBox")?.Value, Is.EqualTo("0 0 400 300"));
        Assert.That(svg.Attribute("width"), Is.Null);
        Assert.That(svg.Attribute("aria-label")?.Value, Is.EqualTo("\"quoted\" <text>"));
    }

    private static XElement Plot(string id)
    {
        var canvas = new PlotCanvas(400, 300, Axis.Linear("steps", 0, 5), Axis.Linear("share", 0, 10, "%"));
        canvas.Vertical(0, 2, new Interval(3, 7));
        canvas.Point(0, 2, 5);
        canvas.Cross(1, 4, 5);
        canvas.Bar(1, 1, 2, 0, 4, 0.35);
        return XElement.Parse(canvas.ToSvg(id, "\"quoted\" <text>"));
    }
}
