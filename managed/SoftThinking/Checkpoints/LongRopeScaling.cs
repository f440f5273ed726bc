using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>LongRoPE (Ding et al. 2024, arXiv:2402.13753): rope_type "longrope". Each pair has a divisor of its own; one list serves
/// contexts up to the original length, another one longer contexts. A context that outgrows the first list would need all its keys
/// anew, so one list is in use for all positions: the one for the longest context that the engine allows.</summary>
/// <param name="Short">Divisors of contexts up to the original length.</param>
/// <param name="Long">Divisors of longer contexts.</param>
/// <param name="OriginalMaxPositions">Length of the original context in positions.</param>
/// <param name="Attention">Factor of cosines and sines.</param>
/// <param name="IsLong">Which list is in use.</param>
internal sealed record LongRopeScaling(
    ImmutableArray<double> Short, ImmutableArray<double> Long, int OriginalMaxPositions, double Attention, bool IsLong) : RopeScaling
{
    public override double Magnitude => Attention;

    /// <summary>The factor of cosines and sines where config.json has none.</summary>
    public static double Recommend(int maxPositions, int original) =>
        maxPositions > original ? Math.Sqrt(1 + Math.Log((double)maxPositions / original) / Math.Log(original)) : 1;

    public override double[] Apply(double[] frequencies, double theta) => [.. frequencies.Zip(IsLong ? Long : Short, (frequency, by) => frequency / by)];

    public override RopeScaling ForContext(int positions) => this with { IsLong = positions > OriginalMaxPositions };

    public override string ToString() => FormattableString.Invariant(
        $"longrope, original context {OriginalMaxPositions}, attention factor {Attention:0.####}");

    public bool Equals(LongRopeScaling? other) => other is not null && Short.SequenceEqual(other.Short) && Long.SequenceEqual(other.Long)
        && (OriginalMaxPositions, Attention, IsLong) == (other.OriginalMaxPositions, other.Attention, other.IsLong);

    public override int GetHashCode() => HashCode.Combine(Short[0], Long[0], OriginalMaxPositions, Attention, IsLong);
}
