namespace SoftThinking.Checkpoints;

/// <summary>How a model stretches rotary position embedding beyond the positions it was first trained on.</summary>
internal abstract record RopeScaling
{
    /// <summary>The frequency, in radians per position, that replaces <paramref name="frequency"/>.</summary>
    public abstract double Apply(double frequency);

    /// <summary>The scaling in words, such as "linear, factor 4".</summary>
    public abstract override string ToString();
}

/// <summary>Frequencies as they are: rope_type "default", or none given.</summary>
internal sealed record UnscaledRope : RopeScaling
{
    public override double Apply(double frequency) => frequency;

    public override string ToString() => "none";
}

/// <summary>Position interpolation (Chen et al. 2023, arXiv:2306.15595): rope_type "linear".</summary>
/// <param name="Factor">Every frequency is divided by it; at least 1.</param>
internal sealed record LinearRopeScaling(double Factor) : RopeScaling
{
    public override double Apply(double frequency) => frequency / Factor;

    public override string ToString() => FormattableString.Invariant($"linear, factor {Factor}");
}

/// <summary>Llama 3.1's scaling by parts (Meta's reference model, apply_scaling): rope_type "llama3". Waves that fit
/// the original context often enough stay, those too long for it are divided by the factor, and between the two bounds
/// the result moves smoothly from one to the other.</summary>
/// <param name="Factor">Divisor of the low frequencies; at least 1.</param>
/// <param name="LowFrequencyFactor">Waves that fit the original context fewer times than this are divided by the
/// factor; above 0.</param>
/// <param name="HighFrequencyFactor">Waves that fit it more often than this stay; above
/// <paramref name="LowFrequencyFactor"/>.</param>
/// <param name="OriginalMaxPositions">Length of the original context in positions.</param>
internal sealed record Llama3RopeScaling(
    double Factor, double LowFrequencyFactor, double HighFrequencyFactor, int OriginalMaxPositions) : RopeScaling
{
    public override double Apply(double frequency)
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

    public override string ToString() => FormattableString.Invariant(
        $"llama3, factor {Factor}, low {LowFrequencyFactor}, high {HighFrequencyFactor}, original context {OriginalMaxPositions}");
}
