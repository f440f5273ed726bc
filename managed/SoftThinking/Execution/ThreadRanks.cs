using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>The ranks after the first, on other devices of this process, each with a thread.</summary>
internal sealed class ThreadRanks : IFollowers
{
    private readonly LoadedModel[] _models; // of all ranks
    private readonly BlockingCollection<byte[]>[] _steps; // for each rank but the first
    private readonly Thread[] _threads;
    private volatile string? _failure;

    private ThreadRanks(LoadedModel[] models)
    {
        _models = models;
        _steps = [.. models.Skip(1).Select(_ => new BlockingCollection<byte[]>())];
        _threads = [.. models.Skip(1).Select((model, i) => Start($"SoftThinking rank {i + 1}", () => Follow(model, i)))];
    }

    /// <summary>Loads a model onto several devices, and returns the first rank, which owns the others.</summary>
    public static LoadedModel Load(ITensorSource source, EngineOptions options, ILogger logger, CancellationToken cancellation)
    {
        Device[] devices = DeviceChoice.OpenAll(options, logger, ModelWeights.FormatOf(source, options.Weights).Dtype);
        int ranks = devices.Length;
        OpenedRank[] opened = EachRank(ranks, r => new OpenedRank(devices[r], source, options, r, ranks, sharers: ranks));
        DeviceComm[] comms;
        try
        {
            byte[] id = DeviceComm.NewId(devices[0]);
            comms = EachRank(ranks, r => new DeviceComm(devices[r], r, ranks, id, IFollowers.TimeLimit));
        }
        catch
        {
            Free(opened);
            throw;
        }
        int blocks = opened.Min(rank => rank.Plan.Blocks);
        LoadedModel[] models = EachRank(ranks, r => new LoadedModel(
            opened[r], opened[r].Plan.With(blocks, options), comms[r], source, options, r == 0 ? logger : NullLogger.Instance, r == 0 ? options.LoadProgress : null, cancellation));
        models[0].Followers = new ThreadRanks(models);
        return models[0];
    }

    public void Send(byte[] step)
    {
        if (_failure is string failure)
            throw new BackendException(failure);
        foreach (BlockingCollection<byte[]> steps in _steps)
            steps.Add(step);
    }

    public void Abort(string reason) => _models[0].Comm!.Abort(reason);

    // Memory that other ranks may read is freed once no rank works any more.
    public void Dispose()
    {
        foreach (BlockingCollection<byte[]> steps in _steps)
            steps.CompleteAdding();
        foreach (Thread thread in _threads)
            thread.Join();
        Free(_models.Skip(1));
        foreach (BlockingCollection<byte[]> steps in _steps)
            steps.Dispose();
    }

    private void Follow(LoadedModel model, int index)
    {
        new Follower(model, Fail).Run(_steps[index].GetConsumingEnumerable());
        model.Finish();

        void Fail(Exception error)
        {
            string message = $"rank {index + 1} of {_models.Length}: {error.Message}";
            _failure ??= message;
            model.Comm!.Abort(message);
        }
    }

    private static Thread Start(string name, ThreadStart body)
    {
        Thread thread = new(body) { Name = name, IsBackground = true };
        thread.Start();
        return thread;
    }

    /// <summary>Makes something for each rank, on a thread each; if one fails, what the others made is freed.</summary>
    private static T[] EachRank<T>(int ranks, Func<int, T> make) where T : IDisposable
    {
        T?[] made = new T?[ranks];
        Exception?[] errors = new Exception?[ranks];
        Thread[] threads = [.. Enumerable.Range(0, ranks).Select(r => Start($"SoftThinking loads rank {r}", () =>
        {
            try
            {
                made[r] = make(r);
            }
            catch (Exception error)
            {
                errors[r] = error;
            }
        }))];
        foreach (Thread thread in threads)
            thread.Join();
        if (errors.FirstOrDefault(error => error != null) is not Exception first)
            return made!;
        Free(made.OfType<IDisposable>());
        ExceptionDispatchInfo.Throw(first);
        return made!;
    }

    private static void Free(IEnumerable<IDisposable> parts)
    {
        foreach (IDisposable part in parts)
            part.Dispose();
    }
}
