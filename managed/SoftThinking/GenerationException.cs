namespace SoftThinking;

/// <summary>A generation could not be started or finished.</summary>
/// <param name="message">What is wrong, and what to do.</param>
/// <param name="inner">The error that caused it, if any.</param>
public class GenerationException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A request exceeds a limit of the engine, or arrives while the queue is full. Nothing was generated.</summary>
/// <param name="limit">The limit.</param>
/// <param name="message">What is wrong, and what to do.</param>
public sealed class GenerationLimitException(GenerationLimit limit, string message) : GenerationException(message)
{
    /// <summary>The limit that the request exceeds.</summary>
    public GenerationLimit Limit { get; } = limit;
}

/// <summary>What limits requests.</summary>
public enum GenerationLimit
{
    /// <summary><see cref="EngineOptions.QueueLength"/>; a later attempt may succeed.</summary>
    Queue,

    /// <summary>The positions of a sequence.</summary>
    Context,

    /// <summary><see cref="EngineOptions.MaxNewTokens"/>.</summary>
    Output,

    /// <summary><see cref="EngineOptions.MaxTopk"/>.</summary>
    MaxTopk,
}
