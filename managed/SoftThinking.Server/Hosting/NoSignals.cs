using Microsoft.Extensions.Hosting;

namespace SoftThinking.Server.Hosting;

/// <summary>Leaves Ctrl-C and other signals to the application.</summary>
internal sealed class NoSignals : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
