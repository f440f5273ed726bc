namespace SoftThinking.Thinking;

/// <summary>The confidences of a sample's tokens: their mean, and the smallest mean of so many in a row.</summary>
internal sealed class ConfidenceTrace(int window)
{
    private readonly Queue<float> _last = [];
    private double _windowSum;
    private double _sum;
    private double _least = double.PositiveInfinity;
    private long _count;

    public float Mean => (float)(_sum / Math.Max(1, _count));

    /// <summary>The mean of all where there are fewer than a window.</summary>
    public float Least => double.IsFinite(_least) ? (float)_least : Mean;

    public void Add(float confidence)
    {
        _sum += confidence;
        _count++;
        _last.Enqueue(confidence);
        _windowSum += confidence;
        if (_last.Count > window)
            _windowSum -= _last.Dequeue();
        if (_last.Count == window)
            _least = Math.Min(_least, _windowSum / window);
    }

    /// <summary>The bar that so many percent of samples pass, by the smallest means of some; linear between two of them.</summary>
    public static float Bar(IEnumerable<float> least, double percent)
    {
        float[] ascending = [.. least.Order()];
        double rank = (100 - percent) / 100 * (ascending.Length - 1);
        int below = (int)Math.Floor(rank), above = Math.Min(below + 1, ascending.Length - 1);
        return (float)(ascending[below] + (rank - below) * (ascending[above] - (double)ascending[below]));
    }
}
