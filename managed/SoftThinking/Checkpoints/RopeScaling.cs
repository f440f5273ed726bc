namespace SoftThinking.Checkpoints;

/// <summary>How a model extends rotary position embedding beyond the positions it was originally trained on.</summary>
public abstract record RopeScaling
{
    private protected RopeScaling()
    {
    }

    /// <summary>The frequency, in radians per position, that replaces <paramref name="frequency"/>.</summary>
    internal abstract double Apply(double frequency);
}

/// <summary>Unchanged frequencies: rope_type "default", or absent.</summary>
public sealed record UnscaledRope : RopeScaling
{
    internal override double Apply(double frequency) => frequency;
}

/// <summary>Position interpolation (Chen et al. 2023, arXiv:2306.15595): rope_type "linear".</summary>
/// <param name="Factor">Every frequency is divided by it; at least 1.</param>
public sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    internal override double Apply(double frequency) => frequency / Factor;
}

/// <summary>Scaling by frequency band, as in Llama 3.1 (Meta's reference model, apply_scaling): rope_type "llama3". High frequencies
/// are unchanged, low ones are divided by the factor, and those in between are interpolated smoothly.</summary>
/// <param name="Factor">Divisor of the low frequencies; at least 1.</param>
/// <param name="LowFrequencyFactor">Frequencies with fewer periods than this in the original context are divided by the
/// factor; above 0.</param>
/// <param name="HighFrequencyFactor">Frequencies with more periods than this in the original context are unchanged; above
/// <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalMaxPositions">Length of the original context in positions.</param>
public sealed record Llama3RopeScaling(
    double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions) : RopeScaling
{
    internal override double Apply(double frequency)
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
