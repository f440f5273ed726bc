namespace SoftThinking;

/// <summary>A generation that could not be finished, or not be begun.</summary>
public class GenerationException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A request that is larger than the engine's limits allow, or comes while too many wait. Nothing was begun.</summary>
public sealed class GenerationLimitException(GenerationLimit limit, string message) : GenerationException(message)
{
    public GenerationLimit Limit { get; } = limit;
}

/// <summary>What limits requests.</summary>
public enum GenerationLimit
{
    /// <summary><see cref="EngineOptions.QueueLength"/>; later there may be room.</summary>
    Queue,

    /// <summary>The positions of a sequence.</summary>
    Context,

    /// <summary><see cref="EngineOptions.MaxNewTokens"/>.</summary>
    Output,

    /// <summary><see cref="EngineOptions.MaxTopk"/>.</summary>
    MaxTopk,
}
