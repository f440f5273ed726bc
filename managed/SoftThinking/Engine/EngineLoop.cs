using Microsoft.Extensions.Logging;
using SoftThinking.Cache;
using SoftThinking.Execution;
using SoftThinking.Interop.Cuda;
using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>The one loop of an engine, on a thread of its own. It plans a step and launches it, then reads the step before it,
/// which the device has finished meanwhile or soon will.</summary>
internal sealed partial class EngineLoop : IDisposable
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

    // Shared by the callers and the loop, under the lock.
    private readonly Lock _lock = new();
    private readonly Queue<Generation> _submitted = [];
    private EngineStatistics _statistics;
    private int _queued; // samples submitted and not started
    private bool _draining;
    private bool _stopping;
    private bool _closed;

    // Of the loop's thread.
    private readonly List<Generation> _active = [];
    private readonly List<(Generation Generation, Exception? Failure)> _leaving = []; // ended, but a step in flight reads their memory
    private long _launched;
    private long _read;
    private long _preemptionsReported;
    private Exception? _failure;

    /// <param name="scope">The scope of the meter: the engine.</param>
    public EngineLoop(object scope, LoadedModel model, EngineOptions options, ILogger logger, IEnumerable<int> eosIds)
    {
        (_model, _logger, _eosIds, _queueLength) = (model, logger, [.. eosIds], options.QueueLength);
        _pool = new BlockPool(model.Cache.Blocks);
        _scheduler = new Scheduler(_pool, model.Cache.Layout, model.Limits.Slots, model.Limits.Rows, options.PrefixCache);
        _metrics = new EngineMetrics(scope, () => Statistics);
        PublishStatistics();
        _thread = new Thread(Run) { Name = "SoftThinking engine", IsBackground = true };
        _thread.Start();
    }

    public EngineStatistics Statistics
    {
        get
        {
            lock (_lock)
                return _statistics;
        }
    }

    /// <summary>Called with the logits of each step, from the next one on.</summary>
    public LogitsHook? Hook
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>Bytes that the loop's thread allocated on the managed heap so far.</summary>
    public long AllocatedBytes { get; private set; }

    /// <exception cref="GenerationLimitException">Too many samples are waiting.</exception>
    /// <exception cref="GenerationException">The engine failed, or accepts no more requests.</exception>
    public void Submit(Generation generation)
    {
        lock (_lock)
        {
            if (_closed)
                throw EndOfAll();
            if (_draining)
                throw new GenerationException("the engine is being drained and accepts no more requests");
            if (_queued + generation.Samples.Length > _queueLength)
            {
                throw new GenerationLimitException(GenerationLimit.Queue,
                    $"{_queued} samples are waiting; the queue of {_queueLength} has no room for {generation.Samples.Length} more");
            }
            _queued += generation.Samples.Length;
            _submitted.Enqueue(generation);
        }
        Wake();
    }

    public void Wake()
    {
        lock (_lock)
        {
            if (!_closed)
                _wake.Set();
        }
    }

    /// <summary>Accepts no more generations; the loop ends when the last one has ended.</summary>
    public Task DrainAsync()
    {
        lock (_lock)
        {
            _draining = true;
            if (!_closed)
                _wake.Set();
        }
        return _ended.Task;
    }

    /// <summary>Ends the loop, and with it every generation that has not ended.</summary>
    public Task StopAsync()
    {
        lock (_lock)
        {
            _stopping = true;
            if (!_closed)
                _wake.Set();
        }
        return _ended.Task;
    }

    /// <summary>To be called after the loop ended.</summary>
    public void Dispose()
    {
        _thread.Join();
        _metrics.Dispose();
        _wake.Dispose();
    }

    private void Run()
    {
        try
        {
            while (!Stopping())
                Turn();
            while (_read < _launched)
                Read();
        }
        catch (Exception error)
        {
            _failure = error;
            _model.Followers?.Abort(error.Message);
            EngineLog.Failed(_logger, error);
            _model.Finish(); // callers get their memory back
        }
        Close();
        _ended.SetResult();
    }

    /// <summary>One turn: a step is launched, the one before it is read.</summary>
    private void Turn()
    {
        TakeSubmitted();
        EndCancelled();
        EndThoughts();
        Step next = _model.Steps[_launched % 2];
        _scheduler.Plan(next.Plan);
        bool launches = next.Plan.Rows > 0;
        if (launches)
        {
            ReportStarted(next.Plan);
            Launch(next);
        }
        bool reads = _launched - _read == 2 || (!launches && _launched > _read);
        if (reads)
            Read();
        PublishStatistics();
        if (!launches && !reads && !Stopping())
            _wake.WaitOne();
    }

    private void Launch(Step step)
    {
        HookedStep? hooked = Hook is LogitsHook hook && step.Plan.Sampled > 0
            ? new(hook, step.Plan, _model.Weights.Config.VocabularySize)
            : null;
        _model.Runner.Launch(step, hooked == null ? null : hooked.Call);
        _launched++;
        if (hooked?.Failure is not Exception error)
            return;
        foreach (Generation generation in hooked.Generations)
        {
            if (_active.Contains(generation))
                Fail(generation, new GenerationException($"the hook on the logits failed: {error.Message}", error));
        }
    }

    /// <summary>Whether the loop is to end: a caller stopped it, or it is drained.</summary>
    private bool Stopping()
    {
        lock (_lock)
            return _stopping || (_draining && _active.Count == 0 && _submitted.Count == 0);
    }

    private void TakeSubmitted()
    {
        lock (_lock)
        {
            while (_submitted.TryDequeue(out Generation? generation))
            {
                _active.Add(generation);
                foreach (SampleRun run in generation.First)
                    _scheduler.Add(run);
            }
        }
    }

    /// <summary>Ends cancelled generations.</summary>
    private void EndCancelled()
    {
        for (int i = _active.Count - 1; i >= 0; i--)
        {
            Generation generation = _active[i];
            if (!generation.Cancelled)
                continue;
            foreach (SampleRun run in generation.Samples.Where(run => run.Stage != SequenceStage.Ended))
            {
                _metrics.Aborted();
                End(run);
            }
        }
    }

    /// <summary>Ends thoughts where a caller asked for it.</summary>
    private void EndThoughts()
    {
        foreach (Generation generation in _active)
        {
            if (!generation.ThinkingEnds)
                continue;
            generation.ThinkingEnds = false;
            foreach (SampleRun run in generation.Samples)
            {
                if (run.Stage == SequenceStage.Ended)
                    continue;
                run.Setup = run.Setup.WithoutThinking();
                if (run.Slot >= 0)
                    _model.Runner.UpdateSampling(run);
            }
        }
    }

    private void End(SampleRun run)
    {
        LeaveQueue(run);
        _scheduler.End(run);
        if (--run.Generation.Unfinished > 0)
        {
            foreach (SampleRun next in run.Generation.TakeRest())
                _scheduler.Add(next);
            return;
        }
        _active.Remove(run.Generation);
        PublishStatistics(); // before a caller that waits for the end reads them
        SignalEnd(run.Generation);
    }

    /// <summary>Ends one request; the others are not affected.</summary>
    private void Fail(Generation generation, Exception error)
    {
        EngineLog.RequestFailed(_logger, error.Message);
        foreach (SampleRun run in generation.Samples.Where(run => run.Stage != SequenceStage.Ended))
        {
            _metrics.Failed();
            LeaveQueue(run);
            _scheduler.End(run);
        }
        _active.Remove(generation);
        PublishStatistics();
        SignalEnd(generation, error);
    }

    /// <summary>Signals the end, but where steps read a caller's memory only once none is in flight.</summary>
    private void SignalEnd(Generation generation, Exception? error = null)
    {
        if (generation.ReadsMemory && generation.InFlight)
            _leaving.Add((generation, error));
        else
            generation.SignalEnd(error);
    }

    private void SignalLeaving()
    {
        foreach ((Generation generation, Exception? error) in _leaving)
        {
            if (!generation.InFlight)
                generation.SignalEnd(error);
        }
        _leaving.RemoveAll(each => !each.Generation.InFlight);
    }

    /// <summary>The loop ends: so do all generations, and no more are accepted.</summary>
    private void Close()
    {
        lock (_lock)
        {
            _closed = true;
            _statistics = new(0, 0, 0, _pool.Blocks, _launched, _scheduler.Preemptions); // before callers learn of the end
            foreach ((Generation generation, Exception? error) in _leaving)
                generation.SignalEnd(error);
            foreach (Generation generation in _active.Concat(_submitted))
            {
                CountUnfinished(generation);
                generation.SignalEnd(EndOfAll());
            }
            _active.Clear();
            _submitted.Clear();
        }
    }

    private void CountUnfinished(Generation generation)
    {
        foreach (SampleRun run in generation.Samples.Where(run => run.Stage != SequenceStage.Ended))
        {
            if (_failure != null)
                _metrics.Failed();
            else
                _metrics.Aborted();
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
        lock (_lock)
            _queued--;
    }

    private void ReportStarted(StepPlan plan)
    {
        foreach (PlannedRows part in plan.Parts)
        {
            if (!part.Begins)
                continue;
            SampleRun run = (SampleRun)part.Sequence;
            LeaveQueue(run);
            _metrics.Started(run);
            EngineLog.Started(_logger, run.Index, run.PromptLength, run.CachedTokens);
        }
        long preempted = _scheduler.Preemptions - _preemptionsReported;
        if (preempted == 0)
            return;
        _preemptionsReported += preempted;
        _metrics.Preempted(preempted);
        EngineLog.Preempted(_logger, preempted);
    }

    private void PublishStatistics()
    {
        EngineStatistics now = new(
            _scheduler.Waiting, _scheduler.Running, _pool.Blocks - _pool.Available, _pool.Blocks, _launched, _scheduler.Preemptions);
        lock (_lock)
            _statistics = now;
    }
}
