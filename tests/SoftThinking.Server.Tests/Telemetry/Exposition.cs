using System.Globalization;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Telemetry;

/// <summary>A text in Prometheus' exposition format 0.0.4, read strictly.</summary>
internal sealed partial class Exposition
{
    private static readonly string[] Kinds = ["counter", "gauge", "histogram", "summary", "untyped"];

    private readonly List<Sample> _samples = [];

    private Exposition()
    {
    }

    /// <summary>Metrics with their kinds.</summary>
    public Dictionary<string, string> Types { get; } = [];

    public IReadOnlyList<Sample> Samples => _samples;

    /// <summary>The sum of the samples of a name that have certain labels.</summary>
    public double Sum(string name, params (string Name, string Value)[] labels) =>
        _samples.Where(sample => sample.Name == name && labels.All(label => sample.Labels.GetValueOrDefault(label.Name) == label.Value)).Sum(sample => sample.Value);

    public static Exposition Parse(string text)
    {
        Assert.That(text, Does.EndWith("\n"));
        Exposition result = new();
        string? family = null;
        foreach (string line in text.Split('\n').Where(line => line.Length > 0))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
            {
                string[] parts = line.Split(' ');
                Assert.That(parts, Has.Length.EqualTo(4), line);
                Assert.That(Kinds, Does.Contain(parts[3]), line);
                family = parts[2];
                result.Types.Add(family, parts[3]); // throws where a family comes twice
            }
            else if (!line.StartsWith('#'))
            {
                result.Add(line, family);
            }
        }
        result.CheckHistograms();
        return result;
    }

    private void Add(string line, string? family)
    {
        Match match = Line().Match(line);
        Assert.That(match.Success, line);
        Sample sample = new(match.Groups["name"].Value, [], ValueOf(match.Groups["value"].Value));
        for (int i = 0; i < match.Groups["label"].Captures.Count; i++)
            sample.Labels.Add(match.Groups["label"].Captures[i].Value, match.Groups["text"].Captures[i].Value);
        Assert.That(family, Is.Not.Null, $"{line} has no type");
        string suffix = Types[family!] == "histogram" ? "(_bucket|_sum|_count)" : "";
        Assert.That(sample.Name, Does.Match($"^{family}{suffix}$"));
        bool IsSame(Sample other) => other.Name == sample.Name && other.Labels.Count == sample.Labels.Count && !other.Labels.Except(sample.Labels).Any();
        Assert.That(_samples.Any(IsSame), Is.False, $"{line} comes twice");
        _samples.Add(sample);
    }

    private void CheckHistograms()
    {
        foreach (string name in Types.Where(type => type.Value == "histogram").Select(type => type.Key))
        {
            foreach (Sample count in _samples.Where(sample => sample.Name == name + "_count"))
            {
                Sample[] buckets = [.. _samples.Where(sample => sample.Name == name + "_bucket" && !count.Labels.Except(sample.Labels).Any())];
                Assert.That(buckets.Select(bucket => ValueOf(bucket.Labels["le"])), Is.Ordered.And.Unique, name);
                Assert.That(buckets.Select(bucket => bucket.Value), Is.Ordered, name);
                Assert.That(buckets[^1].Labels["le"], Is.EqualTo("+Inf"), name);
                Assert.That(buckets[^1].Value, Is.EqualTo(count.Value), name);
                Sample sum = _samples.Single(sample => sample.Name == name + "_sum" && !count.Labels.Except(sample.Labels).Any());
                double[] limits = [0, .. buckets.SkipLast(1).Select(bucket => ValueOf(bucket.Labels["le"]))];
                double[] counts = [.. buckets.Select((bucket, i) => bucket.Value - (i == 0 ? 0 : buckets[i - 1].Value))];
                Assert.That(sum.Value, Is.GreaterThanOrEqualTo(limits.Zip(counts, (limit, n) => limit * n).Sum() * (1 - 1e-9)), name);
            }
        }
    }

    private static double ValueOf(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    [GeneratedRegex(
        """^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(\{((?<label>[a-zA-Z_][a-zA-Z0-9_]*)="(?<text>([^"\\\n]|\\[\\"n])*)",?)*\})? (?<value>[^ ]+)$""",
        RegexOptions.ExplicitCapture)]
    private static partial Regex Line();

    /// <summary>A sample.</summary>
    public sealed record Sample(string Name, Dictionary<string, string> Labels, double Value);
}
