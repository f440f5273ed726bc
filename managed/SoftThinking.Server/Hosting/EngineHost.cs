using SoftThinking.Server.Calls;
using SoftThinking.Server.Telemetry;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Hosting;

/// <summary>The model of a server, from the start of its loading to its end.</summary>
internal sealed class EngineHost : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private double _progress;
    private MetricsEndpoint? _metrics; // set before loading ends

    /// <param name="load">Loads the engine; is passed what to call with the fraction loaded.</param>
    /// <param name="measure">Starts to collect the engine's metrics.</param>
    public EngineHost(ServerOptions options, Func<Action<double>, CancellationToken, Task<Engine>> load, Func<Engine, MetricsEndpoint> measure) =>
        Loading = LoadAsync(options, load, measure);

    public Task<ServedModel> Loading { get; }

    /// <summary>Fraction loaded, 0 to 1.</summary>
    public double Progress => Loading.IsCompletedSuccessfully ? 1 : Volatile.Read(ref _progress);

    /// <exception cref="WireException">The model is not loaded.</exception>
    public ServedModel Model => Loading.IsCompletedSuccessfully
        ? Loading.Result
        : throw new WireException(new WireError(503, "server_error", "the model is being loaded", null, "model_loading") { RetryAfter = TimeSpan.FromSeconds(1) });

    /// <exception cref="WireException">The model is not loaded.</exception>
    public MetricsEndpoint Metrics
    {
        get
        {
            _ = Model;
            return _metrics!;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await ((Task)Loading).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _metrics?.Dispose();
        if (Loading.IsCompletedSuccessfully)
            await Loading.Result.Engine.DisposeAsync().ConfigureAwait(false);
        _stopping.Dispose();
    }

    private async Task<ServedModel> LoadAsync(
        ServerOptions options, Func<Action<double>, CancellationToken, Task<Engine>> load, Func<Engine, MetricsEndpoint> measure)
    {
        Engine engine = await load(fraction => Volatile.Write(ref _progress, fraction), _stopping.Token).ConfigureAwait(false);
        try
        {
            _metrics = measure(engine);
            return new ServedModel(engine, options);
        }
        catch
        {
            await engine.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
