using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>Engine steps, or halves of them, in which every sequence decodes, recorded once for each size and launched as a whole. Sizes in between
/// are padded with idle rows.</summary>
internal sealed class StepGraphs : IDisposable
{
    private readonly Device _device;
    private readonly DeviceStream _stream;
    private readonly Action<StepShape> _compute;
    private readonly Dictionary<StepShape, DeviceGraph> _graphs = [];

    /// <param name="compute">Launches the operations of a step.</param>
    public StepGraphs(Device device, DeviceStream stream, Action<StepShape> compute) =>
        (_device, _stream, _compute) = (device, stream, compute);

    /// <summary>Number of graphs recorded so far.</summary>
    public int Count => _graphs.Count;

    /// <summary>Records a graph of each size before the first request, because recording needs time and memory.</summary>
    public void RecordAll(RunnerLimits limits)
    {
        for (int rows = 1; ; rows = PaddedRows(rows + 1, limits.Slots))
        {
            Find(ShapeOf(rows));
            if (rows == limits.Slots)
                break;
        }
    }

    /// <summary>The smallest recorded size for <paramref name="rows"/> rows: 1, 2, 4, 8, then multiples of 8, above 64 multiples
    /// of 16.</summary>
    public static int PaddedRows(int rows, int maximum)
    {
        int padded = 1;
        while (padded < rows)
            padded += padded < 8 ? padded : padded < 64 ? 8 : 16;
        return Math.Min(padded, maximum);
    }

    public static StepShape ShapeOf(int rows) => new()
    {
        Rows = rows,
        Sequences = rows,
        Sampled = rows,
    };

    public void Launch(StepShape shape) => _stream.Launch(Find(shape with { Uploaded = 0, TableEntries = 0, Records = false }));

    public void Dispose()
    {
        foreach (DeviceGraph graph in _graphs.Values)
            graph.Dispose();
    }

    private DeviceGraph Find(StepShape shape)
    {
        if (!_graphs.TryGetValue(shape, out DeviceGraph? graph))
            _graphs[shape] = graph = DeviceGraph.Record(_device, _stream, () => _compute(shape));
        return graph;
    }
}
