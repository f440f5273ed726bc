using System.Xml.Linq;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;
using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting.Plots;

/// <summary>
/// A plot as SVG for a page in light or dark. ScottPlot draws the shapes in a fixed layout; the text is added here, because
/// ScottPlot places it letter by letter as the fonts of the machine measure it, and leaves it out where none is installed. So
/// the same numbers yield the same bytes on every machine.
/// </summary>
internal sealed class PlotCanvas
{
    /// <summary>Colors of series in the style sheet; further series use the same colors with other markers.</summary>
    public const int Colors = 8;

    private const int Left = 64, Right = 14, Top = 10, Bottom = 46;

    private static readonly MarkerShape[] Markers =
    [
        MarkerShape.FilledCircle, MarkerShape.FilledSquare, MarkerShape.FilledTriangleUp, MarkerShape.FilledDiamond,
        MarkerShape.FilledTriangleDown,
    ];

    private readonly Plot _plot = new();
    private readonly int _width;
    private readonly int _height;
    private readonly Axis _x;
    private readonly Axis _y;

    public PlotCanvas(int width, int height, Axis x, Axis y)
    {
        (_width, _height, _x, _y) = (width, height, x, y);
        _plot.FigureBackground.Color = ScottPlot.Colors.Transparent;
        _plot.DataBackground.Color = ScottPlot.Colors.Transparent;
        _plot.Grid.MajorLineColor = SvgColors.Grid;
        _plot.HideLegend();
        _plot.Layout.Fixed(new PixelPadding(Left, Right, Bottom, Top));
        _plot.Axes.Top.IsVisible = _plot.Axes.Right.IsVisible = false;
        Prepare(_plot.Axes.Bottom, x);
        Prepare(_plot.Axes.Left, y);
        _plot.Axes.SetLimits(x.Min, x.Max, y.Min, y.Max);
    }

    /// <summary>The sign of a series in a legend, in the shape of its marker.</summary>
    public static string Sign(int series) => "●■▲◆▼"[series % Markers.Length].ToString();

    public void Line(int series, IReadOnlyList<double> xs, IReadOnlyList<double> ys, float width = 1.5f, double opacity = 1)
    {
        Scatter line = _plot.Add.ScatterLine(xs.ToArray(), ys.ToArray(), SvgColors.Series(series).WithAlpha(opacity));
        line.LineWidth = width;
    }

    public void Point(int series, double x, double y) =>
        Mark(series, Markers[series % Markers.Length], x, y, series % Markers.Length < 2 ? 9 : 12);

    public void Cross(int series, double x, double y) => Mark(series, MarkerShape.Cross, x, y, 10).LineWidth = 2;

    public void Dot(int series, double x, double y) => Mark(series, MarkerShape.FilledCircle, x, y, 5);

    /// <summary>An interval along the vertical axis.</summary>
    public void Vertical(int series, double x, Interval interval) => Line(series, [x, x], [interval.Low, interval.High], 2);

    /// <summary>An interval along the horizontal axis.</summary>
    public void Horizontal(int series, double y, Interval interval) => Line(series, [interval.Low, interval.High], [y, y], 2);

    public void Bar(int series, double from, double to, double bottom, double top, double opacity)
    {
        if (top <= bottom)
            return;
        double gap = (to - from) * 0.06;
        Rectangle bar = _plot.Add.Rectangle(from + gap, to - gap, bottom, top);
        bar.FillColor = SvgColors.Series(series).WithAlpha(opacity);
        bar.LineWidth = 0;
    }

    /// <summary>The plot as an element that a page can contain; nothing can be drawn after it.</summary>
    /// <param name="id">Prefix of the ids inside it, different for each plot of a page.</param>
    /// <param name="description">What a reader who does not see it should know.</param>
    public string ToSvg(string id, string description)
    {
        XElement svg = XDocument.Parse(_plot.GetSvgXml(_width, _height)).Root!;
        _plot.Dispose();
        SvgColors.Apply(svg);
        NumberIds(svg, id);
        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("viewBox", $"0 0 {_width} {_height}");
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-label", SafeText.Clean(description));
        foreach ((double position, string label) in _x.Ticks)
            svg.Add(Text(X(position), _height - Bottom + 18, "middle", label));
        foreach ((double position, string label) in _y.Ticks)
            svg.Add(Text(Left - 8, Y(position) + 4, "end", label));
        svg.Add(Text(Left + (_width - Left - Right) / 2.0, _height - 8, "middle", _x.Title));
        XElement title = Text(0, 0, "middle", _y.Title);
        title.SetAttributeValue("transform", $"translate(13 {Numbers.Css(Top + (_height - Top - Bottom) / 2.0)}) rotate(-90)");
        svg.Add(title);
        return svg.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>
    /// Ids that no other plot of the page has, and that are the same every time: the drawing library counts on through the whole process.
    /// </summary>
    private static void NumberIds(XElement svg, string prefix)
    {
        Dictionary<string, string> ids = new(StringComparer.Ordinal);
        foreach (XAttribute id in svg.Descendants().Attributes("id"))
            id.Value = ids[id.Value] = FormattableString.Invariant($"{prefix}-{ids.Count + 1}");
        foreach (XAttribute clip in svg.Descendants().Attributes("clip-path"))
            if (clip.Value.StartsWith("url(#", StringComparison.Ordinal) && ids.TryGetValue(clip.Value[5..^1], out string? id))
                clip.Value = $"url(#{id})";
    }

    private double X(double value) => Left + (value - _x.Min) / (_x.Max - _x.Min) * (_width - Left - Right);

    private double Y(double value) => _height - Bottom - (value - _y.Min) / (_y.Max - _y.Min) * (_height - Top - Bottom);

    private static XElement Text(double x, double y, string anchor, string text) => new(
        (XNamespace)"http://www.w3.org/2000/svg" + "text",
        new XAttribute("x", Numbers.Css(x)), new XAttribute("y", Numbers.Css(y)), new XAttribute("text-anchor", anchor), SafeText.Clean(text));

    private ScottPlot.Plottables.Marker Mark(int series, MarkerShape shape, double x, double y, float size) =>
        _plot.Add.Marker(x, y, shape, size, SvgColors.Series(series));

    private static void Prepare(IAxis axis, Axis ticks)
    {
        axis.TickGenerator = new NumericManual([.. ticks.Ticks.Select(t => t.Position)], [.. ticks.Ticks.Select(_ => "")]);
        axis.TickLabelStyle.IsVisible = false;
        axis.FrameLineStyle.Color = axis.MajorTickStyle.Color = SvgColors.Axis;
    }
}
