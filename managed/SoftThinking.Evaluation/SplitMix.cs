namespace SoftThinking.Evaluation;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood 2014): a fixed seed yields the same numbers on every machine and
/// with every version of the runtime, which <see cref="Random"/> does not promise.
/// </summary>
internal struct SplitMix(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        _state += 0x9E3779B97F4A7C15;
        ulong z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="count"/> - 1; the bias of the multiplication is below count / 2^64.</summary>
    public int NextIndex(int count) => (int)Math.BigMul(Next(), (ulong)count, out _);
}
