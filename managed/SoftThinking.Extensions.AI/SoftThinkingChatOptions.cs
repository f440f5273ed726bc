using Microsoft.Extensions.AI;

namespace SoftThinking.Extensions.AI;

/// <summary>Options of Soft Thinking for <see cref="ChatOptions"/>.</summary>
public static class SoftThinkingChatOptions
{
    /// <summary>Samples as these options say, where the <see cref="ChatOptions"/> themselves say nothing.</summary>
    /// <param name="options">The options, which are changed and returned.</param>
    /// <param name="sampling">How to sample.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static ChatOptions WithSoftThinking(this ChatOptions options, SamplingOptions sampling)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        return With(options, sampling);
    }

    /// <summary>Generates as this request says, where the <see cref="ChatOptions"/> themselves say nothing.</summary>
    /// <param name="options">The options, which are changed and returned.</param>
    /// <param name="request">The request, for one sample. The messages of a call follow those of its prompt, if that is a
    /// <see cref="ChatPrompt"/>, or replace them, if they start with a system message; any other prompt is replaced.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public static ChatOptions WithSoftThinking(this ChatOptions options, GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return With(options, request);
    }

    private static ChatOptions With(ChatOptions options, object raw)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.RawRepresentationFactory = _ => raw;
        return options;
    }
}
