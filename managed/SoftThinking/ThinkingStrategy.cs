namespace SoftThinking;

/// <summary>What a thought feeds to the model's next step. Each strategy is a published method, with its parameters under the published
/// names and defaults.</summary>
public abstract record ThinkingStrategy
{
    private protected ThinkingStrategy()
    {
    }

    /// <summary>Every strategy with its published parameters.</summary>
    public static IReadOnlyList<ThinkingStrategy> Published { get; } =
    [
        new SoftStrategy(), new GumbelStrategy(), new DirichletStrategy(), new MixtureOfInputsStrategy(), new MultiplexStrategy(), new SwiReasoningStrategy(),
        new ThinkRouterStrategy(), new LatentSftStrategy(), new LatentGrpoStrategy(), new SoftGrpoStrategy(),
    ];

    /// <summary>The published name, a value of JSON: "multiplex".</summary>
    public abstract string Name { get; }

    /// <summary>Value of <see cref="SamplingOptions.MaxTopk"/> where it is null.</summary>
    internal virtual int DefaultTopk => 10;

    /// <summary>Largest <see cref="SamplingOptions.MaxTopk"/>.</summary>
    internal virtual int LargestTopk => ConceptToken.MaxEntries;

    /// <summary>Most entries of a concept token.</summary>
    internal virtual int Entries(int topk) => topk;
}
