namespace SoftThinking.Interop;

/// <summary>An executed operation with its minimum bytes and multiply-adds.</summary>
/// <param name="Name">Kind and size.</param>
/// <param name="Bytes">Bytes that it reads and writes: weights, keys and values, activations.</param>
/// <param name="MultiplyAdds">Multiply-adds of matmuls and attention, in the format <paramref name="Products"/>.</param>
internal readonly record struct OperationCost(string Name, long Bytes, long MultiplyAdds = 0, NativeDtype Products = NativeDtype.F32);

/// <summary>When each operation of an engine step ended: an event is recorded after every one.</summary>
internal sealed unsafe class StreamTimes : IDisposable
{
    private readonly Device _device;
    private readonly int _elementBytes;
    private readonly List<DeviceEvent> _events = [];
    private readonly List<OperationCost> _costs = [];
    private DeviceStream? _stream;
    private Func<int, (long Positions, long Pairs)>? _seen;
    private int _expertsPerRow; // of the last route

    public StreamTimes(Device device) =>
        (_device, _elementBytes) = (device, device.Query().ActivationDtype == NativeDtype.F32 ? 4 : 2);

    public int Count => _costs.Count;

    /// <summary>Starts a step.</summary>
    /// <param name="seen">For a window of attention, 0 for none: the positions whose keys and values are read, those of every sequence, and
    /// the pairs of a row and a position that it attends to.</param>
    public void Begin(DeviceStream stream, Func<int, (long Positions, long Pairs)> seen)
    {
        (_stream, _seen) = (stream, seen);
        _costs.Clear();
        Mark();
    }

    /// <summary>The i-th operation and its duration in seconds; valid once the step is done.</summary>
    public (OperationCost Cost, double Seconds) this[int i] => (_costs[i], _events[i + 1].SecondsSince(_events[i]));

    public void Copy(long bytes) => Add(new("copy", 2 * bytes));

    // Assumes that every entry is used; only the device knows which ones are.
    public void Embed(in EmbedOperation o)
    {
        long entryBytes = MatrixBytes(o.Table) / o.Table.Rows;
        Add(new($"embed {o.Rows} x {o.Entries}", o.Rows * (o.Entries * entryBytes + (long)o.Table.Cols * _elementBytes)));
    }

    public void LoadRows(in LoadRowsOperation o) =>
        Add(new($"load_rows {o.Rows} x {o.Cols}", (long)o.Rows * o.Cols * ((o.SourceDtype == NativeDtype.F32 ? 4 : 2) + _elementBytes)));

    public void RmsNorm(in RmsNormOperation o) =>
        Add(new($"rms_norm {o.Rows} x {o.Cols}", (long)o.Rows * o.Cols * _elementBytes * (o.Delta != 0 ? 4 : 2)));

    public void Normalize(in NormalizeOperation o) =>
        Add(new($"normalize {o.Rows} x {o.Cols}", (long)o.Rows * o.Cols * _elementBytes * (o.Add != 0 ? 3 : 2)));

    public void Linear(in LinearOperation o)
    {
        int outputs = o.Gated != 0 ? o.W.Rows / 2 : o.W.Rows;
        long activations = (long)o.Rows * (o.W.Cols * _elementBytes + outputs * (o.OutF32 != 0 ? 4 : _elementBytes));
        long weights = o.Rows > 0 ? MatrixBytes(o.W) : 0; // a step in the middle of prompts samples nothing
        string name = $"linear {o.Rows} x {o.W.Cols} -> {(o.Gated != 0 ? "2 x " : "")}{outputs}";
        Add(new(name, weights + activations, (long)o.Rows * o.W.Rows * o.W.Cols, ProductsOf(o.W, o.Exact)));
    }

    public void Route(in RouteOperation o)
    {
        _expertsPerRow = o.PerRow;
        Add(new($"route {o.Rows} x {o.PerRow} of {o.Experts}", 4L * (o.Rows * (o.Experts + 1 + 4 * o.PerRow) + 2 * o.Held + 1)));
    }

    // Only the device knows which experts are used: as many as are expected where each row chooses its own at random.
    public void ExpertLinear(in ExpertLinearOperation o)
    {
        int outputs = o.Gated != 0 ? o.W.Rows / 2 : o.W.Rows;
        double held = (double)o.Held / o.Experts;
        double used = o.Held * (1 - Math.Pow(1 - (double)_expertsPerRow / o.Experts, o.Places / _expertsPerRow));
        long activations = (long)(held * o.Places * (o.W.Cols + outputs) * _elementBytes);
        string name = $"expert_linear {o.Places} x {o.W.Cols} -> {(o.Gated != 0 ? "2 x " : "")}{outputs}";
        Add(new(name, (long)(used * MatrixBytes(o.W)) + activations, (long)(held * o.Places * o.W.Rows * o.W.Cols), ProductsOf(o.W, o.Exact)));
    }

    public void Combine(in CombineOperation o) =>
        Add(new($"combine {o.Rows} x {o.PerRow} x {o.Cols}",
            (long)o.Rows * (o.Cols * (o.PerRow * _elementBytes + (o.OutF32 != 0 ? 4 : _elementBytes)) + 12 * o.PerRow)));

    public void RopeAngles(in RopeAnglesOperation o) => Add(new($"rope_angles {o.Rows} x {o.Half}", 8L * o.Rows * o.Half));

    public void QkvEpilogue(in QkvEpilogueOperation o) =>
        Add(new($"qkv_epilogue {o.Batch.Rows} x {o.Heads + 2 * o.KvHeads} x {o.HeadDim}",
            (long)o.Batch.Rows * o.HeadDim * (2 * (o.Heads + o.KvHeads) + o.KvHeads) * _elementBytes
                + KvBytes(o.KvHeads, o.HeadDim, o.Cache, o.Batch.Rows)));

    public void Attention(in AttentionOperation o)
    {
        (long positions, long pairs) = _seen!(o.Window);
        string window = o.Window > 0 ? $", window {o.Window}" : "";
        Add(new($"attention {o.Batch.Rows} x {o.Heads} x {o.HeadDim}{window}",
            2L * o.Batch.Rows * o.Heads * o.HeadDim * _elementBytes + KvBytes(o.KvHeads, o.HeadDim, o.Cache, positions),
            2 * pairs * o.Heads * o.HeadDim));
    }

    public void SetBlocks(in SetBlocksOperation o) => Add(new($"set_blocks {o.Count}", 20L * o.Count));

    public void GatherRows(in GatherRowsOperation o) => Add(new($"gather_rows {o.Rows} x {o.Cols}", 2L * o.Rows * o.Cols * _elementBytes));

    public void Penalize(in PenalizeOperation o) => Add(new($"penalize {o.Rows} x {o.Vocabulary}", 12L * o.Rows * o.Vocabulary));

    public void Sample(in SampleOperation o) => Add(new($"sample {o.Rows} x {o.Vocabulary}", 4L * o.Rows * o.Vocabulary));

    public void Probe(in ProbeOperation o) => Add(new($"probe {o.Rows} x {o.Vocabulary}", 4L * o.Rows * o.Vocabulary));

    public void LogProbs(in LogProbsOperation o) => Add(new($"log_probs {o.Rows} x {o.Vocabulary}", 4L * o.Rows * o.Vocabulary));

    public void Score(in ScoreOperation o) => Add(new($"score {o.Rows} x {o.Vocabulary}", 4L * o.Rows * o.Vocabulary));

    // Bytes that a rank receives from the others.
    public void AllGather(in AllGatherOperation o, int ranks) =>
        Add(new($"all_gather {o.Rows} x {o.Cols}", 4L * o.Rows * o.Cols * (ranks - 1) / ranks));

    public void AllSum(in AllSumOperation o, int ranks) => Add(new($"all_sum {o.Rows} x {o.Cols}", 4L * o.Rows * o.Cols * (ranks - 1)));

    public void Dispose()
    {
        foreach (DeviceEvent mark in _events)
            mark.Dispose();
    }

    private void Add(OperationCost cost)
    {
        _costs.Add(cost);
        Mark();
    }

    private void Mark()
    {
        if (_events.Count == _costs.Count)
            _events.Add(new DeviceEvent(_device, timed: true));
        _stream!.Record(_events[_costs.Count]);
    }

    private static NativeDtype ProductsOf(in Matrix w, int exact) =>
        exact != 0 && w.Dtype is (NativeDtype.Bf16 or NativeDtype.Fp8) ? NativeDtype.F32 : w.Dtype;

    private long MatrixBytes(in Matrix w) => (long)_device.Api->MatrixBytes(w.Rows, w.Cols, w.Dtype);

    private static long KvBytes(int heads, int dim, in LayerCache cache, long positions) =>
        2 * positions * heads * cache.Dtype switch
        {
            NativeDtype.F32 => 4 * dim,
            NativeDtype.Int8 => dim + sizeof(float),
            _ => 2 * dim,
        };
}
