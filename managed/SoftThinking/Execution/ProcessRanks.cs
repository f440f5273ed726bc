using System.Buffers.Binary;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Microsoft.Extensions.Logging;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>The ranks after the first, in other processes. What the first has them do is broadcast: models to load, steps to launch, and the
/// end of either.</summary>
internal sealed class ProcessRanks : IFollowers
{
    // A message begins with a frame: kind, length, and the bytes that fit. The rest, if any, follows.
    private const int FrameBytes = 4096, HeaderBytes = 2 * sizeof(int);

    // Reading a model takes longer on one machine than on another.
    private static readonly TimeSpan LoadLimit = TimeSpan.FromHours(1);

    private readonly MpiWorld _world;
    private bool _failed;

    private ProcessRanks(MpiWorld world) => _world = world;

    private enum Kind
    {
        Load,
        Step,
        Unload,
        Exit,
    }

    /// <summary>On the first rank: has all processes load a model, and returns its part, which drives the others.</summary>
    public static LoadedModel Load(MpiWorld world, ITensorSource source, EngineOptions options, ILogger logger, CancellationToken cancellation)
    {
        if (options.TensorParallel != 1 && options.TensorParallel != world.Ranks)
            throw new ArgumentException($"the model is to be divided among {options.TensorParallel} devices, but {world.Ranks} processes were started, each with one");
        world.Idle = false;
        Send(world, Kind.Load, new RankOrder(source.Origin, RankOptions.Of(options)).ToJson());
        LoadedModel model = LoadPart(world, () => source, options, logger, cancellation);
        model.Followers = new ProcessRanks(world);
        return model;
    }

    /// <summary>On the other ranks: does what the first one wants until it exits.</summary>
    /// <param name="fail">Called if a model fails after it was loaded; must end the process.</param>
    public static void Work(MpiWorld world, ILogger logger, Action<Exception> fail)
    {
        while (true)
        {
            (Kind kind, byte[] content) = Receive(world);
            if (kind == Kind.Exit)
                return;
            if (kind == Kind.Load)
                WorkOn(world, RankOrder.Parse(content), logger, fail);
        }
    }

    /// <summary>On the first rank: lets the others end.</summary>
    public static void Exit(MpiWorld world) => Send(world, Kind.Exit, []);

    public void Send(byte[] step) => Send(_world, Kind.Step, step);

    // The other processes end with this one, which is about to report the error.
    public void Abort(string reason) => _failed = true;

    public void Dispose()
    {
        try
        {
            if (_failed)
                return;
            Send(_world, Kind.Unload, []);
            _world.Idle = true;
        }
        catch (BackendException)
        {
            // The world is broken; its other processes end with this one.
        }
    }

    private static void WorkOn(MpiWorld world, RankOrder order, ILogger logger, Action<Exception> fail)
    {
        LoadedModel model;
        ITensorSource? source = null;
        try
        {
            model = LoadPart(world, () => source = order.Origin.Open(), order.Options.ToEngineOptions(), logger, CancellationToken.None);
        }
        catch (BackendException) when (world.Idle)
        {
            return; // the first rank reports it
        }
        finally
        {
            source?.Dispose();
        }
        new Follower(model, fail).Run(Steps(world));
        model.Dispose();
        world.Idle = true;
    }

    private static IEnumerable<byte[]> Steps(MpiWorld world)
    {
        while (Receive(world) is (Kind.Step, byte[] step))
            yield return step;
    }

    /// <summary>Loads a rank's part. If a rank cannot, all throw the same error.</summary>
    private static LoadedModel LoadPart(
        MpiWorld world, Func<ITensorSource> open, EngineOptions options, ILogger logger, CancellationToken cancellation)
    {
        OpenedRank? opened = null;
        LoadedModel? model = null;
        ITensorSource? source = null;
        world.Idle = false;
        try
        {
            RankReport[] reports = Agree(world, () =>
            {
                source = open();
                Device device = DeviceChoice.Open(options, logger, ModelWeights.FormatOf(source, options.Weights).Dtype, world.LocalRank, world.LocalRanks);
                opened = new OpenedRank(device, source, options, world.Rank, world.Ranks, world.LocalRanks);
                return new RankReport(null, Version(), device.Backend.Name, source.Fingerprint(), opened.Plan.Blocks);
            });
            byte[] id = world.Rank == 0 ? DeviceComm.NewId(opened!.Device) : new byte[CommOptions.IdBytes];
            world.Broadcast(id, IFollowers.TimeLimit);
            Agree(world, () =>
            {
                DeviceComm comm = new(opened!.Device, world.Rank, world.Ranks, id, IFollowers.TimeLimit, world.Transport);
                KvPlan plan = opened.Plan.With(reports.Min(report => report.Blocks), options);
                model = new LoadedModel(opened, plan, comm, source!, options, logger, options.LoadProgress, cancellation);
                return new RankReport(null);
            });
            return model!;
        }
        catch
        {
            if (model != null)
                model.Dispose();
            else
                opened?.Dispose();
            throw;
        }
    }

    /// <summary>Does a part of the work on every rank, and returns the reports of all.</summary>
    /// <exception cref="BackendException">A rank failed.</exception>
    private static RankReport[] Agree(MpiWorld world, Func<RankReport> work)
    {
        Exception? failure = null;
        RankReport own;
        try
        {
            own = work();
        }
        catch (Exception error)
        {
            (failure, own) = (error, new RankReport(error.Message));
        }
        RankReport[] reports = RankReport.Exchange(world, own, LoadLimit);
        string? problem = RankReport.Problem(reports);
        world.Idle = problem != null;
        if (failure != null && world.Rank == 0)
            ExceptionDispatchInfo.Throw(failure); // with its type, as without other ranks
        return problem == null ? reports : throw new BackendException(problem);
    }

    private static string Version() =>
        typeof(ProcessRanks).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    private static void Send(MpiWorld world, Kind kind, ReadOnlySpan<byte> content)
    {
        Span<byte> frame = stackalloc byte[FrameBytes];
        BinaryPrimitives.WriteInt32LittleEndian(frame, (int)kind);
        BinaryPrimitives.WriteInt32LittleEndian(frame[sizeof(int)..], content.Length);
        int first = Math.Min(content.Length, FrameBytes - HeaderBytes);
        content[..first].CopyTo(frame[HeaderBytes..]);
        world.Broadcast(frame, IFollowers.TimeLimit);
        if (first < content.Length)
            world.Broadcast(content[first..].ToArray(), IFollowers.TimeLimit);
    }

    private static (Kind Kind, byte[] Content) Receive(MpiWorld world)
    {
        Span<byte> frame = stackalloc byte[FrameBytes];
        world.Broadcast(frame, Timeout.InfiniteTimeSpan);
        byte[] content = new byte[BinaryPrimitives.ReadInt32LittleEndian(frame[sizeof(int)..])];
        int first = Math.Min(content.Length, FrameBytes - HeaderBytes);
        frame.Slice(HeaderBytes, first).CopyTo(content);
        if (first < content.Length)
            world.Broadcast(content.AsSpan(first), IFollowers.TimeLimit);
        return ((Kind)BinaryPrimitives.ReadInt32LittleEndian(frame), content);
    }
}
