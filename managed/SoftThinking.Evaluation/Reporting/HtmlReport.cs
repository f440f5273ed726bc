using SoftThinking.Evaluation.Reporting.Plots;
using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>A report as one self-contained page.</summary>
internal static class HtmlReport
{
    private const int DifferingItems = 30;

    public static string Write(IReadOnlyList<Section> sections)
    {
        HtmlWriter html = new();
        html.Open("html", ("lang", "en")).Line().Open("head").Line();
        html.Void("meta", ("charset", "utf-8")).Line();
        html.Void("meta", ("name", "viewport"), ("content", "width=device-width, initial-scale=1")).Line();
        html.Void("meta", ("name", "color-scheme"), ("content", "light dark")).Line();
        html.Element("title", sections.Count == 1 ? Title(sections[0]) : "Evaluation").Line();
        html.Open("style").Trusted(Style()).Close("style").Line().Close("head").Line().Open("body").Line().Open("main").Line();
        html.Element("h1", "Evaluation").Line();
        if (sections.Count > 1)
            WriteContents(html, sections);
        for (int i = 0; i < sections.Count; i++)
            WriteSection(html, sections[i], FormattableString.Invariant($"s{i + 1}"));
        WriteMethods(html);
        html.Close("main").Line().Close("body").Line().Close("html").Line();
        return html.ToString();
    }

    private static string Title(Section section) => $"{section.Model} on {section.Dataset}";

    private static void WriteContents(HtmlWriter html, IReadOnlyList<Section> sections)
    {
        html.Open("nav").Open("ul");
        for (int i = 0; i < sections.Count; i++)
            html.Open("li").Element("a", Title(sections[i]), ("href", FormattableString.Invariant($"#s{i + 1}"))).Close("li");
        html.Close("ul").Close("nav").Line();
    }

    private static void WriteSection(HtmlWriter html, Section section, string id)
    {
        string[] names = [.. section.Settings.Select(s => s.Name)];
        html.Open("section", ("id", id)).Element("h2", Title(section)).Line();
        html.Element("p", ReportTexts.Facts(section), ("class", "facts")).Line();
        foreach (string warning in ReportTexts.Warnings(section))
            html.Element("p", warning, ("class", "warning")).Line();
        if (section.Items.Count > 0)
        {
            WriteConclusions(html, section);
            WriteAccuracy(html, section, names, id);
            WriteGroups(html, section, names, id);
            WriteLengths(html, section, names, id);
            HtmlTable.Write(html, ReportTables.Outcomes(section), names);
            HtmlTable.Write(html, ReportTables.Thoughts(section), names);
            WriteEntropies(html, section, names, id);
            if (ReportTables.Differing(section, ItemAcross.Differing(section.Items), DifferingItems) is { } differing)
                HtmlTable.Write(html, differing, names);
            WriteTranscripts(html, section, names);
        }
        WriteOptions(html, section, names);
        html.Close("section").Line();
    }

    private static void WriteConclusions(HtmlWriter html, Section section)
    {
        if (Conclusions.Overall(section.Comparisons) is not { } overall)
            return;
        html.Open("div", ("class", "conclusions")).Element("p", overall, ("class", "overall")).Line();
        // The first setting is what a reader compares the others with; the remaining pairs are a click away, and on paper.
        foreach (string same in Conclusions.Same(section.Comparisons))
            html.Element("p", same).Line();
        ILookup<bool, Comparison> comparisons = Conclusions.Distinct(section.Comparisons).ToLookup(c => c.First == section.Settings[0]);
        WriteSentences(html, comparisons[true]);
        Comparison[] others = [.. comparisons[false]];
        if (others.Length > 0)
        {
            html.Open("details", ("class", "print")).Element("summary", Numbers.Count(others.Length, "further comparison"));
            WriteSentences(html, others);
            html.Close("details").Line();
        }
        html.Close("div").Line();
    }

    private static void WriteSentences(HtmlWriter html, IEnumerable<Comparison> comparisons)
    {
        if (!comparisons.Any())
            return;
        html.Open("ul").Line();
        foreach (Comparison comparison in comparisons)
            html.Element("li", $"{Conclusions.Accuracy(comparison)} {Conclusions.Tokens(comparison)}").Line();
        html.Close("ul").Line();
    }

    private static void WriteAccuracy(HtmlWriter html, Section section, string[] names, string id)
    {
        html.Element("h3", "Accuracy against tokens").Line().Open("figure", ("class", "plot"))
            .Trusted(ReportPlots.Accuracy(section.Settings, id + "-accuracy"));
        HtmlTable.Legend(html, names);
        html.Close("figure").Line();
        HtmlTable.Write(html, ReportTables.Settings(section), names);
        foreach (ReportTable? table in (ReportTable?[])[ReportTables.Comparisons(section), ReportTables.Several(section)])
            if (table is not null)
                HtmlTable.Write(html, table, names);
    }

    private static void WriteGroups(HtmlWriter html, Section section, string[] names, string id)
    {
        IReadOnlyList<string> groups = GroupAccuracy.Names(section.Settings);
        for (int i = 0; i < groups.Count; i++)
        {
            IReadOnlyList<string> values = ReportTexts.GroupValues(section, groups[i]);
            ReportTable table = ReportTables.Group(section, groups[i], values);
            html.Element("h3", table.Title).Line();
            if (ReportPlots.Groups(section.Settings, groups[i], values, FormattableString.Invariant($"{id}-group{i}")) is { } plot)
            {
                html.Open("figure", ("class", "plot")).Trusted(plot);
                HtmlTable.Legend(html, names);
                html.Close("figure").Line();
            }
            HtmlTable.WriteBody(html, table, names);
        }
    }

    private static void WriteLengths(HtmlWriter html, Section section, string[] names, string id)
    {
        html.Element("h3", "Length of samples").Line();
        html.Element("p", "Correct samples in full color, the others pale on top of them.", ("class", "note"));
        WriteGrid(html, ReportPlots.Lengths(section.Settings, id + "-length"), names);
    }

    private static void WriteEntropies(HtmlWriter html, Section section, string[] names, string id)
    {
        IReadOnlyList<string?> plots = ReportPlots.Entropies(section.Settings, id + "-entropy");
        if (plots.All(p => p is null))
            return;
        html.Element("h3", "Entropy of thoughts").Line();
        html.Element("p", "A line for each traced sample. A cross marks a cold stop, a dot a thought that the model ended.", ("class", "note"));
        WriteGrid(html, plots, names);
    }

    private static void WriteGrid(HtmlWriter html, IReadOnlyList<string?> plots, string[] names)
    {
        html.Open("div", ("class", "grid")).Line();
        for (int i = 0; i < plots.Count; i++)
        {
            if (plots[i] is not { } plot)
                continue;
            html.Open("figure").Open("figcaption");
            HtmlTable.Sign(html, i);
            html.Text(names[i]).Close("figcaption").Trusted(plot).Close("figure").Line();
        }
        html.Close("div").Line();
    }

    private static void WriteTranscripts(HtmlWriter html, Section section, string[] names)
    {
        IReadOnlyList<ItemAcross> items = Transcripts.Choose(section.Items);
        if (items.Count == 0)
            return;
        html.Element("h3", "Transcripts").Line();
        if (items.Any(i => i.Traced))
        {
            html.Element("p", "Tinted tokens are mixtures, the stronger the higher their entropy (strongest from " +
                $"{Numbers.Plain(Transcripts.FullTint)} nats); point at one to see its entries and their weights.", ("class", "note"));
        }
        Transcripts.Write(html, items, names);
    }

    private static void WriteOptions(HtmlWriter html, Section section, string[] names)
    {
        html.Open("details", ("class", "print")).Element("summary", "Options");
        HtmlTable.WriteBody(html, ReportTables.Options(section), names);
        html.Close("details").Line();
    }

    private static void WriteMethods(HtmlWriter html)
    {
        html.Open("footer").Element("h3", "How the numbers are computed").Line();
        foreach (string paragraph in ReportTexts.Methods)
            html.Element("p", paragraph).Line();
        html.Close("footer").Line();
    }

    private static string Style()
    {
        using Stream stream = typeof(HtmlReport).Assembly.GetManifestResourceStream("report.css")!;
        using StreamReader reader = new(stream);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
