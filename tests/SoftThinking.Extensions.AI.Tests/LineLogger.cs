using Microsoft.Extensions.Logging;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>Passes each message to a function; once it is disposed, it throws.</summary>
internal sealed class LineLogger(Action<string> log) : ILoggerProvider, ILogger
{
    private volatile bool _disposed;

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        log($"{logLevel} {formatter(state, exception)}");
    }

    public void Dispose() => _disposed = true;
}
