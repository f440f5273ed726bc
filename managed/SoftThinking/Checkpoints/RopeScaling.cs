namespace SoftThinking.Checkpoints;

/// <summary>How a model extends rotary position embedding beyond the positions it was originally trained on.</summary>
internal abstract record RopeScaling
{
    /// <summary>Factor of cosines and sines.</summary>
    public virtual double Magnitude => 1;

    /// <summary>The frequencies, in radians per position, that replace <paramref name="frequencies"/>.</summary>
    /// <param name="theta">Base of the frequencies.</param>
    public abstract double[] Apply(double[] frequencies, double theta);

    /// <summary>The same for contexts of at most <paramref name="positions"/>.</summary>
    public virtual RopeScaling ForContext(int positions) => this;

    /// <summary>The scaling in words, such as "linear, factor 4".</summary>
    public abstract override string ToString();
}

/// <summary>Unchanged frequencies: rope_type "default", or absent.</summary>
internal sealed record UnscaledRope : RopeScaling
{
    public override double[] Apply(double[] frequencies, double theta) => frequencies;

    public override string ToString() => "none";
}

/// <summary>Position interpolation (Chen et al. 2023, arXiv:2306.15595): rope_type "linear".</summary>
/// <param name="Factor">Every frequency is divided by it; at least 1.</param>
internal sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    public override double[] Apply(double[] frequencies, double theta) => [.. frequencies.Select(frequency => frequency / Factor)];

    public override string ToString() => FormattableString.Invariant($"linear, factor {Factor}");
}

/// <summary>Scaling by frequency band, as in Llama 3.1 (Meta's reference model, apply_scaling): rope_type "llama3". High frequencies
/// are unchanged, low ones are divided by the factor, and those in between are interpolated smoothly.</summary>
/// <param name="Factor">Divisor of the low frequencies; at least 1.</param>
/// <param name="LowFrequencyFactor">Frequencies with fewer periods than this in the original context are divided by the
/// factor; above 0.</param>
/// <param name="HighFrequencyFactor">Frequencies with more periods than this in the original context are unchanged; above
/// <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalMaxPositions">Length of the original context in positions.</param>
internal sealed record Llama3RopeScaling(
    double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions) : RopeScaling
{
    public override double[] Apply(double[] frequencies, double theta) => [.. frequencies.Select(Apply)];

    public override string ToString() => FormattableString.Invariant(
        $"llama3, factor {Factor}, low {LowFrequencyFactor}, high {HighFrequencyFactor}, original context {OriginalMaxPositions}");

    private double Apply(double frequency)
    {
        double wavelength = 2 * Math.PI / frequency;
        double timesItFits = OriginalMaxPositions / wavelength;
        if (timesItFits > HighFrequencyFactor)
            return frequency;
        if (timesItFits < LowFrequencyFactor)
            return frequency / Factor;
        double kept = (timesItFits - LowFrequencyFactor) / (HighFrequencyFactor - LowFrequencyFactor);
        return (1 - kept) * (frequency / Factor) + kept * frequency;
    }
}
