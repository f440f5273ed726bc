using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>Adds up the times of operations. Written by the engine's thread, read by any.</summary>
internal sealed class Profiler
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(bool Decodes, int Rows), Steps> _kinds = [];

    /// <summary>Adds a step that is done.</summary>
    public void Add(bool decodes, int rows, StreamTimes times)
    {
        lock (_lock)
        {
            if (!_kinds.TryGetValue((decodes, rows), out Steps? steps))
                _kinds[(decodes, rows)] = steps = new Steps();
            steps.Add(times);
        }
    }

    public IReadOnlyList<StepProfile> Take()
    {
        lock (_lock)
        {
            StepProfile[] profiles = [.. _kinds.Select(kind => kind.Value.ToProfile(kind.Key.Decodes, kind.Key.Rows))];
            _kinds.Clear();
            return profiles;
        }
    }

    private sealed class Steps
    {
        private readonly OrderedDictionary<string, OperationProfile> _operations = [];
        private int _count;

        public void Add(StreamTimes times)
        {
            _count++;
            for (int i = 0; i < times.Count; i++)
            {
                (OperationCost cost, double seconds) = times[i];
                OperationProfile sum = _operations.GetValueOrDefault(cost.Name) ?? new(cost.Name, 0, 0, 0, 0, FormatOf(cost.Products));
                _operations[cost.Name] = sum with
                {
                    Calls = sum.Calls + 1,
                    Seconds = sum.Seconds + seconds,
                    Bytes = sum.Bytes + cost.Bytes,
                    MultiplyAdds = sum.MultiplyAdds + cost.MultiplyAdds,
                };
            }
        }

        public StepProfile ToProfile(bool decodes, int rows) => new(decodes, rows, _count, [.. _operations.Values]);

        private static ProductFormat FormatOf(NativeDtype dtype) => dtype switch
        {
            NativeDtype.F16 => ProductFormat.F16,
            NativeDtype.Bf16 => ProductFormat.Bf16,
            NativeDtype.Int8 => ProductFormat.Int8,
            _ => ProductFormat.F32,
        };
    }
}
