using Microsoft.Extensions.Logging;

namespace SoftThinking.Cli;

/// <summary>The log of a server, a line per entry.</summary>
internal sealed class ServeLog(TextWriter output) : ILoggerProvider
{
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName);

    public void Dispose()
    {
    }

    private void Write(LogLevel level, string text)
    {
        lock (_lock)
            output.WriteLine($"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {NameOf(level)} {TokenText.Harmless(text).ReplaceLineEndings(" ")}");
    }

    private static string NameOf(LogLevel level) => level switch
    {
        >= LogLevel.Error => "error",
        LogLevel.Warning => "warning",
        _ => "info",
    };

    private sealed class Category(ServeLog log, string name) : ILogger
    {
        // Of the framework only what goes wrong; that the server cannot start, the command says itself.
        private readonly LogLevel _least = name.StartsWith("SoftThinking", StringComparison.Ordinal) ? LogLevel.Information
            : name.StartsWith("Microsoft.Extensions.Hosting", StringComparison.Ordinal) ? LogLevel.None
            : LogLevel.Warning;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= _least;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
                log.Write(logLevel, formatter(state, exception) + (exception != null ? $": {exception}" : ""));
        }
    }
}
