using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace SoftThinking.Extensions.AI;

/// <summary>Whether the engine of an application is loaded: healthy; degraded while it is being loaded, as requests then wait; and the status
/// of failures where it could not be loaded.</summary>
internal sealed class EngineHealthCheck(EngineLoader loader) : IHealthCheck
{
    /// <summary>Begins to load the engine, unless that was begun.</summary>
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            Task<Engine> loading = loader.LoadAsync();
            return loading.IsCompleted
                ? Ready((await loading.ConfigureAwait(false)).Statistics)
                : HealthCheckResult.Degraded(FormattableString.Invariant($"the model is being loaded: {loader.Progress:P0}"));
        }
        catch (Exception error)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, $"the model is not loaded: {error.Message}", error);
        }
    }

    private static HealthCheckResult Ready(EngineStatistics statistics) => HealthCheckResult.Healthy("the model is loaded", new Dictionary<string, object>
    {
        ["running"] = statistics.Running,
        ["waiting"] = statistics.Waiting,
    });
}
