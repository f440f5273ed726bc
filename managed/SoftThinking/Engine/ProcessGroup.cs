using Microsoft.Extensions.Logging;
using SoftThinking.Execution;
using SoftThinking.Interop;

namespace SoftThinking;

/// <summary>The processes that a launcher of MPI (mpirun, srun) started, each with a device, to compute models together. In the first one,
/// of rank 0, every engine that is loaded is divided among all; the others do what it wants: they call <see cref="Work"/>.</summary>
public sealed class ProcessGroup : IDisposable
{
    private readonly MpiWorld _world;

    private ProcessGroup(MpiWorld world) => _world = world;

    /// <summary>Whether a launcher started several processes, of which this is one.</summary>
    /// <exception cref="BackendException">A variable of the launcher holds something else than a number.</exception>
    public static bool IsLaunched => MpiLauncher.Processes(Environment.GetEnvironmentVariable) > 1;

    /// <summary>This process among the others, from 0.</summary>
    public int Rank => _world.Rank;

    /// <summary>Number of processes, 2 or more.</summary>
    public int Count => _world.Ranks;

    /// <summary>Joins the group, and waits for all processes to do so. Call it once, first of all.</summary>
    /// <returns>Null where no launcher started several processes.</returns>
    /// <exception cref="BackendException">The library for MPI was not built, or MPI failed.</exception>
    public static ProcessGroup? Join() =>
        IsLaunched ? new ProcessGroup(MpiWorld.Join()) : null;

    /// <summary>Does what the first process wants until it leaves. For the other processes.</summary>
    /// <param name="fail">Called, on any thread, if this process fails in the middle of a step. Others wait for it: the callback should report the
    /// error and call <see cref="Abort"/>.</param>
    /// <param name="logger">Receives what an engine's logger receives.</param>
    /// <exception cref="ArgumentNullException">The callback is null.</exception>
    /// <exception cref="InvalidOperationException">This is the first process.</exception>
    /// <exception cref="BackendException">The first process does not answer, or MPI failed.</exception>
    public void Work(Action<Exception> fail, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(fail);
        if (Rank == 0)
            throw new InvalidOperationException("the first process has the others work, it does not work for them");
        ProcessRanks.Work(_world, new SafeLogger(logger), fail);
    }

    /// <summary>Ends all processes at once, this one with an exit code; does not return.</summary>
    /// <param name="exitCode">Not 0.</param>
    public void Abort(int exitCode) => _world.Abort(exitCode);

    /// <summary>Leaves the group once all processes do. The first one has the others end their work; if they wait for this process in the middle of a
    /// step, because an engine failed or was not disposed, all processes end at once, with exit code 1.</summary>
    public void Dispose()
    {
        if (!_world.Idle)
            Abort(1);
        try
        {
            if (Rank == 0)
                ProcessRanks.Exit(_world);
        }
        catch (BackendException)
        {
            Abort(1);
        }
        _world.Dispose();
    }
}
