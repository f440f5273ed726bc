using SoftThinking.Interop;
using SoftThinking.Scheduling;

namespace SoftThinking.Execution;

/// <summary>A row whose logits score a recorded token.</summary>
internal readonly record struct ScoredRow(ScoreTargets Targets, int Step);

/// <summary>Ids of some of a step's scored rows that are scored by one operation.</summary>
/// <param name="FirstRow">Among the step's scored rows.</param>
/// <param name="FirstId">Among the ids of each row.</param>
/// <param name="Width">Ids of a row, as far as it has so many.</param>
/// <param name="Place">Where its ids and results are in the stage.</param>
/// <param name="RowPlace">Where its rows' numbers are.</param>
internal readonly record struct ScoreTile(int FirstRow, int Rows, int FirstId, int Width, int Place, int RowPlace);

/// <summary>The scored rows of a step, and page-locked memory for tiles of their ids and results. It is of a fixed size, so that any number of
/// ids may be scored: when it is full, its results have to be waited for and drained.</summary>
internal sealed class ScoreStage
{
    /// <summary>Ids of all tiles together.</summary>
    public const int Capacity = 1 << 17;

    private readonly int _rowCapacity;
    private readonly List<ScoreTile> _tiles = [];
    private int _used, _rowsUsed;

    private ScoreStage(DeviceArena arena, RunnerLimits limits)
    {
        _rowCapacity = limits.Rows;
        Temperatures = ArenaArray<float>.Place(arena, _rowCapacity);
        Counts = ArenaArray<int>.Place(arena, _rowCapacity);
        Ids = ArenaArray<int>.Place(arena, Capacity);
        LogP1 = ArenaArray<float>.Place(arena, Capacity);
        LogPt = ArenaArray<float>.Place(arena, Capacity);
    }

    /// <summary>The scored rows of the step in their order; none on ranks that another one drives.</summary>
    public List<ScoredRow> Rows { get; } = [];

    public ArenaArray<float> Temperatures { get; }

    /// <summary>Ids of each row of each tile.</summary>
    public ArenaArray<int> Counts { get; }

    /// <summary>[rows, width] of each tile, like the results.</summary>
    public ArenaArray<int> Ids { get; }

    public ArenaArray<float> LogP1 { get; }

    public ArenaArray<float> LogPt { get; }

    public static ScoreStage Place(DeviceArena arena, RunnerLimits limits) => new(arena, limits);

    /// <summary>Ids of the row that has most of them.</summary>
    public int MostIds(int firstRow, int rows)
    {
        int most = 0;
        for (int row = firstRow; row < firstRow + rows; row++)
            most = Math.Max(most, IdsOf(row).Length);
        return most;
    }

    public bool HasRoom(int rows, int width) => _rowsUsed + rows <= _rowCapacity && _used + rows * width <= Capacity;

    /// <summary>Adds a tile, for which there is room.</summary>
    public ScoreTile Add(int firstRow, int rows, int firstId, int width)
    {
        ScoreTile tile = new(firstRow, rows, firstId, width, _used, _rowsUsed);
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<int> all = IdsOf(firstRow + i), ids = all[Math.Min(firstId, all.Length)..Math.Min(firstId + width, all.Length)];
            ids.CopyTo(Ids.Slice(tile.Place + (long)i * width, width));
            Counts[tile.RowPlace + i] = ids.Length;
            Temperatures[tile.RowPlace + i] = Rows[firstRow + i].Targets.TemperatureOf(Rows[firstRow + i].Step);
        }
        (_used, _rowsUsed) = (_used + rows * width, _rowsUsed + rows);
        _tiles.Add(tile);
        return tile;
    }

    /// <summary>Moves the results of all tiles to where they belong. To be called when the device has finished them.</summary>
    public void Drain()
    {
        foreach (ScoreTile tile in _tiles)
        {
            for (int i = 0; i < tile.Rows; i++)
            {
                (ScoreTargets targets, int step) = Rows[tile.FirstRow + i];
                int count = Counts[tile.RowPlace + i];
                if (count == 0)
                    continue;
                long from = tile.Place + (long)i * tile.Width;
                LogP1.Slice(from, count).CopyTo(targets.LogP1Of(step)[tile.FirstId..]);
                LogPt.Slice(from, count).CopyTo(targets.LogPtOf(step)[tile.FirstId..]);
            }
        }
        _tiles.Clear();
        (_used, _rowsUsed) = (0, 0);
    }

    private ReadOnlySpan<int> IdsOf(int row) => Rows[row].Targets.IdsOf(Rows[row].Step);
}
