namespace SoftThinking.Cli;

/// <summary>What Ctrl-C and SIGTERM cancel: the command, or with Ctrl-C only the part of it that is in progress, such as an answer of a
/// conversation.</summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _command = new();
    private readonly Lock _lock = new();
    private CancellationTokenSource? _part;

    /// <summary>Canceled when the command has to end.</summary>
    public CancellationToken Token => _command.Token;

    /// <summary>Handles Ctrl-C.</summary>
    /// <returns>False where everything was canceled before: the process should end at once.</returns>
    public bool Interrupt()
    {
        lock (_lock)
            return Cancel(_part is { IsCancellationRequested: false } part ? part : _command);
    }

    /// <summary>Handles SIGTERM.</summary>
    /// <returns>False where the command was canceled before: the process should end at once.</returns>
    public bool Terminate()
    {
        lock (_lock)
            return Cancel(_command);
    }

    /// <summary>Begins a part that the next Ctrl-C cancels in place of the command, until it is disposed.</summary>
    /// <param name="cancellation">Cancels the part, too.</param>
    public Part Begin(CancellationToken cancellation) => new(this, cancellation);

    public void Dispose() => _command.Dispose();

    private static bool Cancel(CancellationTokenSource source)
    {
        bool first = !source.IsCancellationRequested;
        _ = source.CancelAsync(); // what goes on after it must not run on the signal's thread, inside the lock
        return first;
    }

    /// <summary>A part of a command that can be canceled alone.</summary>
    public sealed class Part : IDisposable
    {
        private readonly Interruption _owner;
        private readonly CancellationTokenSource _source;

        internal Part(Interruption owner, CancellationToken cancellation)
        {
            (_owner, _source) = (owner, CancellationTokenSource.CreateLinkedTokenSource(cancellation));
            lock (owner._lock)
                owner._part = _source;
        }

        public CancellationToken Token => _source.Token;

        public void Dispose()
        {
            lock (_owner._lock)
                _owner._part = null;
            _source.Dispose();
        }
    }
}
