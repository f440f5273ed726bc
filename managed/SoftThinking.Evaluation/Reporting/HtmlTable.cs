using System.Globalization;
using SoftThinking.Evaluation.Reporting.Plots;
using SoftThinking.Evaluation.Reporting.Writing;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>Tables and legends as HTML.</summary>
internal static class HtmlTable
{
    /// <summary>The table with its heading; rows or columns that are settings have their signs.</summary>
    public static void Write(HtmlWriter html, ReportTable table, IReadOnlyList<string> settings, string heading = "h3")
    {
        html.Element(heading, table.Title).Line();
        WriteBody(html, table, settings);
    }

    /// <summary>The table without its heading.</summary>
    public static void WriteBody(HtmlWriter html, ReportTable table, IReadOnlyList<string> settings)
    {
        if (table.Note.Length > 0)
            html.Element("p", table.Note, ("class", "note")).Line();
        // Wide tables scroll on their own on a narrow screen, and can be reached with the keyboard for that.
        html.Open("div", ("class", "wide"), ("tabindex", "0"), ("role", "region"), ("aria-label", table.Title));
        html.Open("table").Open("thead").Open("tr");
        for (int i = 0; i < table.Headers.Count; i++)
        {
            html.Open("th", ("scope", "col"), ("class", table.Rows.Count > 0 && !IsNumber(table.Rows[0][i].Text) ? "text" : null));
            Name(html, table.Headers[i], settings);
            html.Close("th");
        }
        html.Close("tr").Close("thead").Open("tbody").Line();
        foreach (IReadOnlyList<Cell> row in table.Rows)
            WriteRow(html, row, settings);
        html.Close("tbody").Close("table").Close("div").Line();
    }

    /// <summary>Which sign and color stands for which setting.</summary>
    public static void Legend(HtmlWriter html, IReadOnlyList<string> settings)
    {
        html.Open("figcaption", ("class", "legend"));
        for (int i = 0; i < settings.Count; i++)
        {
            html.Open("span");
            Sign(html, i);
            html.Text(settings[i]).Close("span");
        }
        html.Close("figcaption");
    }

    public static void Sign(HtmlWriter html, int setting) => html.Element(
        "span", PlotCanvas.Sign(setting), ("class", $"sign {SvgColors.FillClass(setting)}"), ("aria-hidden", "true"));

    private static void WriteRow(HtmlWriter html, IReadOnlyList<Cell> row, IReadOnlyList<string> settings)
    {
        html.Open("tr").Open("th", ("scope", "row"));
        Name(html, row[0].Text, settings);
        html.Close("th");
        foreach (Cell cell in row.Skip(1))
        {
            (string, string?)[] attributes = cell.Share is { } share
                ? [("class", "share"), ("style", "--share:" + Numbers.Css(share))]
                : [("class", IsNumber(cell.Text) ? null : "text")];
            html.Open("td", attributes).Text(cell.Text);
            if (cell.Detail is { } detail)
                html.Element("span", detail, ("class", "detail"));
            html.Close("td");
        }
        html.Close("tr").Line();
    }

    private static void Name(HtmlWriter html, string name, IReadOnlyList<string> settings)
    {
        int setting = settings.ToList().IndexOf(name);
        if (setting < 0)
        {
            html.Text(name);
            return;
        }
        html.Open("span", ("class", "name"));
        Sign(html, setting);
        html.Text(name).Close("span");
    }

    /// <summary>Numbers are aligned to the right: what begins with a digit, a sign, or stands for no number.</summary>
    private static bool IsNumber(string text) => text.Length > 0 && (char.IsAsciiDigit(text[0]) || "+−–<".Contains(text[0]))
        && text.Length < 40 && text.All(c => CharUnicodeInfo.GetUnicodeCategory(c) != UnicodeCategory.OtherLetter);
}
