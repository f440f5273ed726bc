using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace SoftThinking;

/// <summary>An application's logger, whose exceptions go nowhere: the engine logs on its own thread, where one would end the process.
/// A host that disposes its logging before the engine causes just that.</summary>
internal sealed class SafeLogger(ILogger? logger) : ILogger
{
    private readonly ILogger _logger = logger ?? NullLogger.Instance;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel)
    {
        try
        {
            return _logger.IsEnabled(logLevel);
        }
        catch
        {
            return false;
        }
    }

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        try
        {
            _logger.Log(logLevel, eventId, state, exception, formatter);
        }
        catch
        {
            // See above.
        }
    }
}
