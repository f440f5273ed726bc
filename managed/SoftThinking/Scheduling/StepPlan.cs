using System.Runtime.InteropServices;

namespace SoftThinking.Scheduling;

/// <summary>Rows of one sequence in a step: <paramref name="Count"/> positions from <paramref name="First"/>.</summary>
/// <param name="Begins">Whether the sequence was just assigned its slot.</param>
/// <param name="Samples">Whether the last row's logits are sampled.</param>
/// <param name="LastFromSlot">Whether the last row's token is the one that the slot holds.</param>
/// <param name="Probe">The probe that the rows from its first position on belong to.</param>
/// <param name="Probes">Whether the last row's logits are the probe's.</param>
internal readonly record struct PlannedRows(
    Sequence Sequence, int First, int Count, bool Begins, bool Samples, bool LastFromSlot, Probe? Probe = null, bool Probes = false)
{
    /// <summary>Number of the last rows whose logits are scored.</summary>
    public int Scored { get; init; }

    /// <summary>Whether a row's token is an answer to the probe that only the device knows.</summary>
    public bool IsAnswer(int position) => Probe != null && position - Probe.First >= Probe.Known;

    /// <summary>Id of a row of the probe that is not the thought.</summary>
    public int? ProbeIdAt(int position) => Probe != null && position >= Probe.First ? Probe.IdAt(position - Probe.First) : null;
}

/// <summary>The rows that one engine step computes.</summary>
internal sealed class StepPlan
{
    private readonly List<PlannedRows> _parts = [];

    public ReadOnlySpan<PlannedRows> Parts => CollectionsMarshal.AsSpan(_parts);

    public int Rows { get; private set; }

    public int Sampled { get; private set; }

    /// <summary>Parts whose last row's logits are a probe's.</summary>
    public int Probes { get; private set; }

    /// <summary>Whether every row is a decode row.</summary>
    public bool Decodes => Sampled == Rows;

    /// <summary>Whether any row is of a sequence that is scored.</summary>
    public bool Scores
    {
        get
        {
            foreach (PlannedRows part in _parts)
            {
                if (part.Sequence.Targets != null)
                    return true;
            }
            return false;
        }
    }

    /// <summary>Whether any row's input is a caller's.</summary>
    public bool ReadsEmbeddings
    {
        get
        {
            foreach (PlannedRows part in _parts)
            {
                foreach (EmbeddingSpan span in part.Sequence.Embeddings)
                {
                    if (span.Within(part.First, part.Count).Count > 0)
                        return true;
                }
            }
            return false;
        }
    }

    /// <summary>What attention reads of all sequences: positions whose keys and values some row sees, and pairs of a row and a position
    /// that it sees.</summary>
    /// <param name="window">Positions that a row sees, its own included; 0: all up to its own.</param>
    public (long Positions, long Pairs) Seen(int window)
    {
        long positions = 0, pairs = 0;
        foreach (PlannedRows part in _parts)
        {
            int end = part.First + part.Count, most = window == 0 ? end : window;
            int growing = Math.Clamp(most - part.First, 0, part.Count); // the first rows, which see all before them
            positions += Math.Min(end, (long)most + part.Count - 1);
            pairs += (long)growing * part.First + growing * (growing + 1L) / 2 + (part.Count - growing) * (long)most;
        }
        return (positions, pairs);
    }

    public void Clear()
    {
        _parts.Clear();
        (Rows, Sampled, Probes) = (0, 0, 0);
    }

    public void Add(PlannedRows part)
    {
        _parts.Add(part);
        Rows += part.Count;
        Sampled += part.Samples ? 1 : 0;
        Probes += part.Probes ? 1 : 0;
    }
}
