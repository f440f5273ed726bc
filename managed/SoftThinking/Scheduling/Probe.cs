namespace SoftThinking.Scheduling;

/// <summary>What a probe is for; the numbers are ST_PROBE_*.</summary>
internal enum ProbeKind
{
    /// <summary>How sure the model would be of an answer after a thought.</summary>
    Eat = 1,

    /// <summary>How sure the model would be of an answer in place of a thought.</summary>
    Deer = 2,
}

/// <summary>Rows that look ahead of a sequence. They stand at the positions from its last token on, where they see all that precedes and
/// nothing of the sequence sees them: the rows that follow overwrite their keys and values. A probe after a thought begins with the thought
/// itself; one in its place goes on with the tokens that the model answers with.</summary>
/// <param name="first">Position of the first row: that of the last token.</param>
/// <param name="text">What is fed, besides the thought.</param>
internal sealed class Probe(ProbeKind kind, int first, IEnumerable<int> text)
{
    private readonly List<int> _ids = [.. text];

    public ProbeKind Kind => kind;

    public int First => first;

    /// <summary>Rows that launched steps compute.</summary>
    public int Fed { get; set; }

    /// <summary>Rows whose tokens the host knows.</summary>
    public int Known => (kind == ProbeKind.Eat ? 1 : 0) + _ids.Count;

    /// <summary>Id of a row that the host knows; null for the thought.</summary>
    public int? IdAt(int row) => kind == ProbeKind.Deer ? _ids[row] : row == 0 ? null : _ids[row - 1];

    /// <summary>The model answered with a token, which is the next row.</summary>
    public void Answer(int id) => _ids.Add(id);

    /// <summary>Rows that the next step may compute.</summary>
    /// <param name="inFlight">Whether a launched step has rows of it that the host has not read.</param>
    public int Left(bool inFlight)
    {
        // The row of an answer in flight: its token is on the device.
        bool answers = kind == ProbeKind.Deer && inFlight && Fed == Known;
        return answers ? 1 : Math.Max(0, Known - Fed);
    }
}
