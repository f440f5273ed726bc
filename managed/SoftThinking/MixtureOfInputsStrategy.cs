namespace SoftThinking;

/// <summary>Mixture of Inputs (arXiv 2505.14827): a drawn token, blended with the most likely ones by a posterior.</summary>
public sealed record MixtureOfInputsStrategy : ThinkingStrategy
{
    /// <inheritdoc/>
    public override string Name => "mixture-of-inputs";

    /// <summary>Weight of the drawn token against the distribution: 0 to 100; 0.5 to 2 is advised.</summary>
    public float Beta
    {
        get;
        init => field = OptionRange.Check(value, 0, 100, "0 to 100");
    } = 1;

    /// <summary>Whether the mixture is the distribution alone, without the drawn token ("direct").</summary>
    public bool Direct { get; init; }

    /// <summary>Whether the answer's tokens are mixed, too ("all", as published); otherwise only thoughts are.</summary>
    public bool AfterThinking { get; init; } = true;

    internal override int Entries(int topk) => 21;
}
