using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>The sum of all calls of one operation.</summary>
internal readonly record struct OperationSum(OperationCost Cost, long Calls, double Seconds);

/// <summary>The sums of all engine steps of one kind.</summary>
internal sealed record StepSums(bool Decodes, int Rows, int Steps, IReadOnlyList<OperationSum> Operations);

/// <summary>Adds up the times of operations. Written by the engine's thread, read by any.</summary>
internal sealed class Profiler
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(bool Decodes, int Rows), Steps> _kinds = [];

    /// <summary>Adds a completed step.</summary>
    public void Add(bool decodes, int rows, StreamTimes times)
    {
        lock (_lock)
        {
            if (!_kinds.TryGetValue((decodes, rows), out Steps? steps))
                _kinds[(decodes, rows)] = steps = new Steps();
            steps.Add(times);
        }
    }

    /// <summary>Returns the sums since the last call, and resets them.</summary>
    public IReadOnlyList<StepSums> Take()
    {
        lock (_lock)
        {
            StepSums[] sums = [.. _kinds.Select(kind => kind.Value.ToSums(kind.Key.Decodes, kind.Key.Rows))];
            _kinds.Clear();
            return sums;
        }
    }

    private sealed class Steps
    {
        private readonly OrderedDictionary<string, OperationSum> _operations = [];
        private int _count;

        public void Add(StreamTimes times)
        {
            _count++;
            for (int i = 0; i < times.Count; i++)
            {
                (OperationCost cost, double seconds) = times[i];
                _operations.TryGetValue(cost.Name, out OperationSum sum);
                OperationCost total = cost with { Bytes = sum.Cost.Bytes + cost.Bytes, MultiplyAdds = sum.Cost.MultiplyAdds + cost.MultiplyAdds };
                _operations[cost.Name] = new(total, sum.Calls + 1, sum.Seconds + seconds);
            }
        }

        public StepSums ToSums(bool decodes, int rows) => new(decodes, rows, _count, [.. _operations.Values]);
    }
}
