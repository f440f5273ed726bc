namespace SoftThinking.Evaluation.Endpoints;

/// <summary>A server that did not answer, or not as it should. The message names the server.</summary>
/// <param name="message">What went wrong.</param>
/// <param name="transient">Whether another try may succeed.</param>
/// <param name="retryAfter">When the server wants to be asked again; null where it does not say.</param>
/// <param name="inner">The cause.</param>
public sealed class EndpointException(string message, bool transient, TimeSpan? retryAfter = null, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>Whether another try may succeed.</summary>
    public bool Transient { get; } = transient;

    /// <summary>Whether another server may succeed: the server refused, not because of the request but because it does not have the
    /// model, or does not know the key.</summary>
    public bool OfThisServer { get; init; }

    /// <summary>When the server wants to be asked again; null where it does not say.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;
}
