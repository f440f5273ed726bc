using System.Globalization;
using System.Xml.Linq;
using ScottPlot;

namespace SoftThinking.Evaluation.Reporting.Plots;

/// <summary>
/// Colors that depend on the theme of a page. The drawing library knows fixed colors only: each color of the style sheet has one
/// that stands for it while drawing, and is replaced with a class afterwards.
/// </summary>
internal static class SvgColors
{
    private const string Prefix = "#A1B0";
    private const int AxisNumber = 0x80, GridNumber = 0x81;

    public static Color Axis => Stand(AxisNumber);

    public static Color Grid => Stand(GridNumber);

    public static Color Series(int series) => Stand(series % PlotCanvas.Colors);

    /// <summary>Name of the class that fills with the color of a series; that of a stroke begins with "s".</summary>
    public static string FillClass(int series) => Class("fill", series % PlotCanvas.Colors);

    /// <summary>Replaces the colors that stand for others with classes.</summary>
    public static void Apply(XElement svg)
    {
        foreach (XElement element in svg.DescendantsAndSelf())
            foreach (string property in (ReadOnlySpan<string>)["fill", "stroke"])
                Replace(element, property);
    }

    private static void Replace(XElement element, string property)
    {
        if (element.Attribute(property) is not { } color || !color.Value.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase))
            return;
        int number = int.Parse(color.Value.AsSpan(Prefix.Length), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        color.Remove();
        string others = element.Attribute("class") is { } classes ? classes.Value + " " : "";
        element.SetAttributeValue("class", others + Class(property, number));
    }

    private static string Class(string property, int number) => number switch
    {
        AxisNumber => property[..1] + "-axis",
        GridNumber => property[..1] + "-grid",
        _ => FormattableString.Invariant($"{property[..1]}{number + 1}"),
    };

    private static Color Stand(int number) => Color.FromHex(Prefix + number.ToString("X2", CultureInfo.InvariantCulture));
}
