namespace SoftThinking;

/// <summary>A recorded sequence, and what to score of it (<c>Engine.ScoreAsync</c>).</summary>
public sealed record ScoreRequest
{
    /// <summary>What the sequence starts with: at least one position.</summary>
    public required Prompt Prompt { get; init => field = OptionRange.NotNull(value); }

    /// <summary>The recorded tokens that follow, at least one. The model is fed all but the last, each by its entries in their order.</summary>
    public required IReadOnlyList<ConceptToken> Tokens { get; init => field = Copy(value, nameof(Tokens)); }

    /// <summary>Temperature T of ln p_T, where <see cref="Temperatures"/> does not say: 0.0001 to 100, or 0, which counts as 1.</summary>
    public float Temperature { get; init => field = Checked(value, nameof(Temperature)); } = 1;

    /// <summary>Temperature of each recorded token, in the range of <see cref="Temperature"/>; null for the same of all.</summary>
    public IReadOnlyList<float>? Temperatures
    {
        get;
        init => field = value?.Select(each => Checked(each, nameof(Temperatures))).ToArray();
    }

    /// <summary>Further ids to score at each recorded token, as many lists as there are tokens; null for none. They may be any number, and occur
    /// repeatedly.</summary>
    public IReadOnlyList<IReadOnlyList<int>>? Ids
    {
        get;
        init => field = value?.Select(each => (IReadOnlyList<int>)[.. OptionRange.NotNull(each, nameof(Ids))]).ToArray();
    }

    /// <summary>As <see cref="GenerationRequest.Priority"/>.</summary>
    public int Priority
    {
        get;
        init => field = OptionRange.Check(value, -1000, 1000, "-1000 to 1000");
    }

    /// <summary>The request for the scores of a sample that was generated, with the temperature that each token was sampled at.</summary>
    /// <param name="request">What the sample was generated from.</param>
    /// <param name="tokens">The tokens of the sample, from the first.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">There is no token.</exception>
    public static ScoreRequest Of(GenerationRequest request, IReadOnlyList<GeneratedToken> tokens)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(tokens);
        SamplingOptions sampling = request.Sampling;
        return new()
        {
            Prompt = request.Prompt,
            Tokens = [.. tokens.Select(token => token.Token)],
            Temperatures = [.. tokens.Select(token => (token.Soft ? sampling.Thinking : sampling.AfterThinking).Temperature)],
            Priority = request.Priority,
        };
    }

    /// <summary>The temperature of a recorded token.</summary>
    internal float TemperatureOf(int step) => Temperatures?[step] ?? Temperature;

    private static float Checked(float temperature, string option) =>
        temperature == 0 ? 0 : OptionRange.Check(temperature, 0.0001f, 100, "0, or 0.0001 to 100", option);

    private static ConceptToken[] Copy(IReadOnlyList<ConceptToken> tokens, string option) => OptionRange.NotNull(tokens, option).Count > 0
        ? [.. tokens]
        : throw new ArgumentOutOfRangeException(option, $"{option} must be at least one recorded token");
}
