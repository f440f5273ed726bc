namespace SoftThinking.Checkpoints;

/// <summary>A rotary position embedding (Su et al. 2021, arXiv:2104.09864). Of the first <see cref="Rotated"/> elements of a head it
/// rotates i and i + Rotated / 2, the layout of Hugging Face checkpoints; the others keep their values.</summary>
/// <param name="Theta">Base of the angles.</param>
/// <param name="Part">The part of a head that rotates, above 0, at most 1.</param>
internal sealed record RopeConfig(double Theta, RopeScaling Scaling, double Part = 1)
{
    /// <summary>Elements of a head that rotate.</summary>
    public int Rotated(int headDim) => (int)(headDim * Part);

    /// <summary>Angles per position, after scaling: Rotated / 2 values in radians; element i is theta^(-2i / Rotated) before
    /// scaling.</summary>
    public double[] InverseFrequencies(int headDim)
    {
        int rotated = Rotated(headDim);
        return Scaling.Apply([.. Enumerable.Range(0, rotated / 2).Select(i => Math.Pow(Theta, -2.0 * i / rotated))], Theta);
    }
}
