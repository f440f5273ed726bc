using SoftThinking.Interop.Cuda;

namespace SoftThinking.Scheduling;

/// <summary>Positions of a prompt whose inputs are a caller's rows in place of tokens.</summary>
/// <param name="first">The first position.</param>
internal sealed class EmbeddingSpan(int first, EmbeddingPart part)
{
    public int First => first;

    public EmbeddingPart Part => part;

    /// <summary>Whether the engine's stream waits for the rows already; kept by the engine's thread.</summary>
    public bool Awaited { get; set; }

    /// <summary>The positions that are also among <paramref name="count"/> from <paramref name="position"/> on; empty if there are none.</summary>
    public (int First, int Count) Within(int position, int count)
    {
        int start = Math.Max(first, position), end = Math.Min(first + part.Rows, position + count);
        return (start, Math.Max(end - start, 0));
    }
}
