using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Thinking;

namespace SoftThinking.Tests.Golden;

/// <summary>The bar of confidences that the first samples of a request set, against float64.</summary>
[Category("Golden")]
public class ConfidenceTests
{
    [Test]
    public void LeastMeansAndBars()
    {
        if (TestData.FindGolden("strategies") is not string folder)
        {
            Assert.Ignore("no golden strategies: tests/data/strategies, or SOFTTHINKING_GOLDEN/strategies");
            return;
        }
        using GoldenFile expected = new(Path.Combine(folder, "exits", "arithmetic-deepconf.safetensors"));
        using JsonDocument parameters = JsonDocument.Parse(expected.Metadata["parameters"]);
        int window = parameters.RootElement.GetProperty("window").GetInt32();
        float[][] samples = [.. expected.Read<float>("warmup_confidence").Chunk(expected.Columns("warmup_confidence"))];
        float[] least = [.. samples.Select(sample => Trace(sample, window).Least)];
        Assert.That(least, Is.EqualTo(expected.Read<float>("least_group")).Within(2e-5));
        float[] bars = [.. parameters.RootElement.GetProperty("confidence_percentile").EnumerateArray().Select(percent => ConfidenceTrace.Bar(least, percent.GetDouble()))];
        Assert.That(bars, Is.EqualTo(expected.Read<float>("bars")).Within(2e-5));
    }

    [Test]
    public void AShortSampleHasTheMeanOfAll()
    {
        ConfidenceTrace trace = Trace([1, 2, 6], window: 4);
        Assert.That((trace.Mean, trace.Least), Is.EqualTo((3f, 3f)));
        Assert.That(Trace([1, 2, 6, 0, 0], window: 4).Least, Is.EqualTo(2));
    }

    [Test]
    public void OneSampleIsTheBar([Values(0, 37, 100)] double percent) => Assert.That(ConfidenceTrace.Bar([5f], percent), Is.EqualTo(5));

    private static ConfidenceTrace Trace(float[] confidences, int window)
    {
        ConfidenceTrace trace = new(window);
        foreach (float confidence in confidences)
            trace.Add(confidence);
        return trace;
    }
}
