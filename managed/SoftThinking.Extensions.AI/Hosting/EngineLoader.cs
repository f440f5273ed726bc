using Microsoft.Extensions.Hosting;

namespace SoftThinking.Extensions.AI;

/// <summary>The engine of an application: loaded in the background when the host starts, or on first use; disposed with the container.</summary>
internal sealed class EngineLoader : IHostedService, IAsyncDisposable, IDisposable
{
    private readonly Func<Action<double>, CancellationToken, Task<Engine>> _load;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lazy<Task> _disposal;
    private Task<Engine>? _loading;
    private bool _disposed;
    private double _progress;

    /// <param name="load">Loads the engine; is passed what to call with the fraction loaded.</param>
    public EngineLoader(Func<Action<double>, CancellationToken, Task<Engine>> load) => (_load, _disposal) = (load, new(FreeAsync));

    /// <summary>Fraction loaded, 0 to 1.</summary>
    public double Progress => Volatile.Read(ref _progress);

    /// <summary>The engine. Begins to load it, unless that was begun.</summary>
    /// <exception cref="ObjectDisposedException">The container was disposed; where that was later, the task has the error.</exception>
    public Task<Engine> LoadAsync()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(Engine));
            return _loading ??= LoadNowAsync();
        }
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        LoadAsync();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public ValueTask DisposeAsync() => new(_disposal.Value);

    public void Dispose() => _disposal.Value.GetAwaiter().GetResult();

    private async Task<Engine> LoadNowAsync()
    {
        try
        {
            return await _load(fraction => Volatile.Write(ref _progress, fraction), _stopping.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new ObjectDisposedException(typeof(Engine).FullName);
        }
    }

    private async Task FreeAsync()
    {
        Task<Engine>? loading;
        lock (_lock)
        {
            _disposed = true;
            loading = _loading;
        }
        await _stopping.CancelAsync().ConfigureAwait(false);
        if (loading == null)
            return;
        await ((Task)loading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (loading.IsCompletedSuccessfully)
            await loading.Result.DisposeAsync().ConfigureAwait(false);
    }
}
