using System.Diagnostics;
using Microsoft.Extensions.Logging;
using SoftThinking.Cache;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>The one loop of an engine, on a thread of its own. It plans a step and launches it, then reads the step before
/// it, which the device has finished meanwhile or soon will.</summary>
internal sealed class EngineLoop : IDisposable
{
    private readonly LoadedModel _model;
    private readonly ILogger _logger;
    private readonly int[] _eosIds;
    private readonly BlockPool _pool;
    private readonly Scheduler _scheduler;
    private readonly EngineMetrics _metrics;
    private readonly Thread _thread;
    private readonly int _queueLength;
    private readonly AutoResetEvent _wake = new(false);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Between the callers and the loop, under the lock.
    private readonly Lock _door = new();
    private readonly Queue<Generation> _submitted = [];
    private EngineStatistics _statistics;
    private int _queued; // samples submitted and not begun
    private bool _draining;
    private bool _closed;

    // Of the loop's thread.
    private readonly List<Generation> _active = [];
    private long _launched;
    private long _read;
    private long _preemptionsTold;
    private Exception? _failure;

    private volatile bool _stopping;

    public EngineLoop(LoadedModel model, EngineOptions options, ILogger logger, IEnumerable<int> eosIds)
    {
        (_model, _logger, _eosIds, _queueLength) = (model, logger, [.. eosIds], options.QueueLength);
        _pool = new BlockPool(model.Cache.Blocks);
        _scheduler = new Scheduler(_pool, model.Limits.Slots, model.Limits.Rows, options.PrefixCache);
        _metrics = new EngineMetrics(() => Statistics);
        TellStatistics();
        _thread = new Thread(Run) { Name = "SoftThinking engine", IsBackground = true };
        _thread.Start();
    }

    public EngineStatistics Statistics
    {
        get
        {
            lock (_door)
                return _statistics;
        }
    }

    /// <summary>Bytes that the loop's thread allocated on the managed heap so far.</summary>
    public long AllocatedBytes { get; private set; }

    /// <exception cref="GenerationLimitException">Too many samples wait.</exception>
    /// <exception cref="GenerationException">The engine failed, or takes no more requests.</exception>
    public void Submit(Generation generation)
    {
        lock (_door)
        {
            if (_closed)
                throw EndOfAll();
            if (_draining)
                throw new GenerationException("the engine is being drained: it takes no more requests");
            if (_queued + generation.Samples.Length > _queueLength)
            {
                throw new GenerationLimitException(GenerationLimit.Queue,
                    $"{_queued} samples wait; the queue of {_queueLength} has no room for {generation.Samples.Length} more");
            }
            _queued += generation.Samples.Length;
            _submitted.Enqueue(generation);
        }
        Wake();
    }

    public void Wake()
    {
        lock (_door)
        {
            if (!_closed)
                _wake.Set();
        }
    }

    /// <summary>Takes no more generations; the loop ends when those that it has did.</summary>
    public Task DrainAsync()
    {
        lock (_door)
            _draining = true;
        Wake();
        return _ended.Task;
    }

    /// <summary>Ends the loop, and with it every generation that has not ended.</summary>
    public Task StopAsync()
    {
        _stopping = true;
        Wake();
        return _ended.Task;
    }

    /// <summary>After the loop ended.</summary>
    public void Dispose()
    {
        _thread.Join();
        _metrics.Dispose();
        _scheduler.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!_stopping)
                Turn();
            while (_read < _launched)
                Read();
        }
        catch (Exception error)
        {
            _failure = error;
            EngineLog.Failed(_logger, error);
        }
        Close();
        _ended.SetResult();
    }

    /// <summary>One turn: a step is launched, the one before it is read.</summary>
    private void Turn()
    {
        TakeSubmitted();
        EndUnwanted();
        Step next = _model.Steps[_launched % 2];
        _scheduler.Plan(next.Plan);
        bool launches = next.Plan.Rows > 0;
        if (launches)
        {
            TellBegun(next.Plan);
            _model.Runner.Launch(next);
            _launched++;
        }
        bool reads = _launched - _read == 2 || (!launches && _launched > _read);
        if (reads)
            Read();
        TellStatistics();
        if (!launches && !reads && !EndsDrained())
            _wake.WaitOne();
    }

    /// <summary>There is nothing to do: whether nothing will come either.</summary>
    private bool EndsDrained()
    {
        lock (_door)
            _stopping |= _draining && _active.Count == 0 && _submitted.Count == 0;
        return _stopping;
    }

    private void TakeSubmitted()
    {
        lock (_door)
        {
            while (_submitted.TryDequeue(out Generation? generation))
            {
                _active.Add(generation);
                foreach (SampleRun run in generation.Samples)
                    _scheduler.Add(run);
            }
        }
    }

    /// <summary>Ends what nobody wants any more.</summary>
    private void EndUnwanted()
    {
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            Generation generation = _active[i];
            foreach (SampleRun run in generation.Samples)
            {
                if ((generation.Cancelled || run.StopRequested) && run.Stage != SequenceStage.Ended)
                    End(run);
            }
        }
    }

    /// <summary>Waits for the oldest launched step and records what it gave.</summary>
    private void Read()
    {
        Step step = _model.Steps[_read++ % 2];
        step.Done.Synchronize();
        if (step.Times is StreamTimes times)
            _model.Profiler.Add(step.Plan.Decodes, step.Plan.Rows, times);
        long now = Stopwatch.GetTimestamp();
        int sample = 0;
        foreach (PlannedRows part in step.Plan.Parts)
        {
            SampleRun run = (SampleRun)part.Sequence;
            _scheduler.StepRead(run);
            if (!part.Samples)
                continue;
            SampledRow row = step[sample++];
            if (run.Stage == SequenceStage.Ended)
                continue; // it ended while this step was under way
            if ((row.Flags & StepFlags.BadLogits) != 0) // HasFlag would allocate until the method is optimised
                Fail(run.Generation, new GenerationException($"step {run.Steps}: the model's logits hold NaN or infinity, or no finite value"));
            else
                Record(run, row, now);
        }
        AllocatedBytes = GC.GetAllocatedBytesForCurrentThread();
    }

    private void Record(SampleRun run, SampledRow row, long now)
    {
        FinishReason? finish =
            EndsText(run.Generation.Request, row.Ids[0]) ? FinishReason.Stop
            : (row.Flags & StepFlags.Finished) != 0 ? FinishReason.ColdStop
            : run.Tokens.Count + 1 == run.MaxLength ? FinishReason.Length
            : null;
        run.Record(row, finish);
        _metrics.Step(run, now);
        if (finish is FinishReason reason)
        {
            EngineLog.Finished(_logger, run.Index, run.Steps, reason);
            End(run);
        }
        run.Generation.TellStep();
    }

    private bool EndsText(GenerationRequest request, int id)
    {
        if (!request.IgnoreEndOfText && _eosIds.AsSpan().Contains(id))
            return true;
        for (int i = 0; i < request.StopIds.Count; i++)
        {
            if (request.StopIds[i] == id)
                return true;
        }
        return false;
    }

    private void End(SampleRun run)
    {
        LeaveQueue(run);
        _scheduler.End(run);
        if (--run.Generation.Unfinished > 0)
            return;
        _active.Remove(run.Generation);
        TellStatistics(); // before whoever waits for the end asks for them
        run.Generation.TellEnd();
    }

    /// <summary>Ends one request; the others do not notice.</summary>
    private void Fail(Generation generation, Exception error)
    {
        EngineLog.RequestFailed(_logger, error.Message);
        foreach (SampleRun run in generation.Samples)
        {
            LeaveQueue(run);
            _scheduler.End(run);
        }
        _active.Remove(generation);
        TellStatistics();
        generation.TellEnd(error);
    }

    /// <summary>The loop ends: so does everything that has not, and nothing else comes in.</summary>
    private void Close()
    {
        lock (_door)
        {
            _closed = true;
            foreach (Generation generation in _active.Concat(_submitted))
                generation.TellEnd(EndOfAll());
            _active.Clear();
            _submitted.Clear();
        }
    }

    private Exception EndOfAll() => _failure is Exception failure
        ? new GenerationException($"the engine failed: {failure.Message}", failure)
        : new ObjectDisposedException(nameof(Engine), "the engine was disposed before the generation ended");

    private void LeaveQueue(SampleRun run)
    {
        if (!run.Queued)
            return;
        run.Queued = false;
        lock (_door)
            _queued--;
    }

    private void TellBegun(StepPlan plan)
    {
        foreach (PlannedRows part in plan.Parts)
        {
            if (!part.Begins)
                continue;
            SampleRun run = (SampleRun)part.Sequence;
            LeaveQueue(run);
            _metrics.Begun(run);
            EngineLog.Began(_logger, run.Index, run.PromptLength, run.CachedTokens);
        }
        long preempted = _scheduler.Preemptions - _preemptionsTold;
        if (preempted == 0)
            return;
        _preemptionsTold += preempted;
        _metrics.Preempted(preempted);
        EngineLog.Preempted(_logger, preempted);
    }

    private void TellStatistics()
    {
        EngineStatistics now = new(
            _scheduler.Waiting, _scheduler.Running, _pool.Blocks - _pool.Available, _pool.Blocks, _launched, _scheduler.Preemptions);
        lock (_door)
            _statistics = now;
    }
}
