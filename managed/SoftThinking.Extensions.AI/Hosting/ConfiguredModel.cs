using Microsoft.Extensions.Logging;

namespace SoftThinking.Extensions.AI;

/// <summary>Loads the model that the options name.</summary>
/// <param name="options">Returns the options; throws where they are wrong.</param>
internal sealed partial class ConfiguredModel(Func<SoftThinkingOptions> options, ILogger logger)
{
    /// <param name="progress">Called with the fraction loaded, 0 to 1.</param>
    public async Task<Engine> LoadAsync(Action<double> progress, CancellationToken cancellation)
    {
        SoftThinkingOptions model = options();
        try
        {
            EngineOptions engine = model.ToEngineOptions() with { Logger = logger, LoadProgress = progress };
            return await Engine.LoadAsync(model.Model, engine, cancellation).ConfigureAwait(false);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            Log(model.Model, error);
            throw;
        }
    }

    private void Log(string path, Exception error)
    {
        try
        {
            LogError(logger, path, error);
        }
        catch (Exception)
        {
            // A logger that throws, such as one that was disposed, must not replace the error.
        }
    }

    [LoggerMessage(101, LogLevel.Error, "{model} could not be loaded")]
    private static partial void LogError(ILogger logger, string model, Exception error);
}
