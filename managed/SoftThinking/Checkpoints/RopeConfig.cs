namespace SoftThinking.Checkpoints;

/// <summary>A rotary position embedding (Su et al. 2021, arXiv:2104.09864). It rotates elements i and i + head_dim / 2 of a head, the
/// layout of Hugging Face checkpoints.</summary>
/// <param name="Theta">Base of the angles.</param>
internal sealed record RopeConfig(double Theta, RopeScaling Scaling)
{
    /// <summary>Angles per position, after scaling: head_dim / 2 values in radians; element i is theta^(-2i / head_dim) before
    /// scaling.</summary>
    public double[] InverseFrequencies(int headDim)
    {
        double[] frequencies = new double[headDim / 2];
        for (int i = 0; i < frequencies.Length; i++)
            frequencies[i] = Scaling.Apply(Math.Pow(Theta, -2.0 * i / headDim));
        return frequencies;
    }
}
