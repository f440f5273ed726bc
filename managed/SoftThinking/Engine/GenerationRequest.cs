namespace SoftThinking;

/// <summary>What to generate from, and how.</summary>
public sealed record GenerationRequest
{
    /// <summary>The prompt, at least one concept token; ids within the model's vocabulary, weights above 0.</summary>
    public required IReadOnlyList<ConceptToken> Prompt { get; init; }

    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Most steps to take, 1 or more; null for as many as the context holds.</summary>
    public int? MaxNewTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 1, int.MaxValue, "1 or more") : null;
    }

    /// <summary>How often to answer, 1 to 256. Sample i is what a request of one sample gives with the seed
    /// <see cref="SamplingOptions.Seed"/> + i; the prompt is computed once.</summary>
    public int Samples
    {
        get;
        init => field = OptionRange.Check(value, 1, 256, "1 to 256");
    } = 1;

    /// <summary>Texts that end a sample, wherever they come; they are no part of its text. At most 16, none empty.</summary>
    public IReadOnlyList<string> StopStrings
    {
        get;
        init => field = OptionRange.CheckAll(value, 16, text => text.Length > 0, "none empty");
    } = [];

    /// <summary>Ids that end a sample as the model's own end of text does: at most 64, 0 or more.</summary>
    public IReadOnlyList<int> StopIds
    {
        get;
        init => field = OptionRange.CheckAll(value, 64, id => id >= 0, "all 0 or more");
    } = [];

    /// <summary>Whether to go on where the model ends its text: for measuring.</summary>
    public bool IgnoreEndOfText { get; init; }

    /// <summary>How many of the likeliest ids to tell the log-probabilities of at each step, besides the head's: 0 to 20;
    /// null for no log-probabilities.</summary>
    public int? LogProbs
    {
        get;
        init => field = value is int count ? OptionRange.Check(count, 0, 20, "0 to 20") : null;
    }

    /// <summary>Requests of a larger number go first; -1000 to 1000.</summary>
    public int Priority
    {
        get;
        init => field = OptionRange.Check(value, -1000, 1000, "-1000 to 1000");
    }
}
