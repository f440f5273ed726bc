using System.Runtime.CompilerServices;

namespace SoftThinking;

/// <summary>One set of filters on the next-token distribution, applied in the order top-k, top-p, min-p.</summary>
public sealed record FilterOptions
{
    /// <summary>Divisor of the logits, 0 (greedy) or 0.0001 to 100.</summary>
    public float Temperature
    {
        get;
        init => field = value == 0 ? 0 : OptionRange.Check(value, 0.0001f, 100, "0, or 0.0001 to 100");
    } = 0.6f;

    /// <summary>Probability that the kept tokens reach together: above 0, at most 1 (off).</summary>
    public float TopP
    {
        get;
        init => field = value <= 0 ? throw OptionRange.Error(value, "above 0, at most 1") : OptionRange.Check(value, 0, 1, "above 0, at most 1");
    } = 0.95f;

    /// <summary>Number of tokens kept; 0 or less is off.</summary>
    public int TopK { get; init; } = 30;

    /// <summary>Least probability kept, as a share of the largest: 0 (off) to 1.</summary>
    public float MinP
    {
        get;
        init => field = OptionRange.Check(value, 0, 1, "0 to 1");
    }
}

/// <summary>How a sequence is sampled. The defaults are those published with Soft Thinking (arXiv 2505.15778).</summary>
public sealed record SamplingOptions
{
    /// <summary>Whether thoughts are concept tokens; if not, every step draws one token with <see cref="AfterThinking"/>.</summary>
    public bool SoftThinking { get; init; } = true;

    /// <summary>Filters while the model thinks softly.</summary>
    public FilterOptions Thinking { get; init; } = new() { MinP = 0.001f };

    /// <summary>Filters of the answer, and of everything when soft thinking is off.</summary>
    public FilterOptions AfterThinking { get; init; } = new();

    /// <summary>Tokens of a concept token: 1 to 1024.</summary>
    public int MaxTopk
    {
        get;
        init => field = OptionRange.Check(value, 1, 1024, "1 to 1024");
    } = 10;

    /// <summary>Cold stop: a thought counts as certain below this entropy, in nats; 0 turns it off.</summary>
    public float EarlyStoppingEntropyThreshold
    {
        get;
        init => field = OptionRange.Check(value, 0, 1000, "0 to 1000 nats");
    } = 0.01f;

    /// <summary>Cold stop: so many certain thoughts in a row end the thinking; 1 or more.</summary>
    public int EarlyStoppingLengthThreshold
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 256;

    /// <summary>Whether the same count of certain steps also ends the answer.</summary>
    public bool ColdStopAfterThinking { get; init; }

    /// <summary>Thoughts after which the end of thinking is forced: 0 or more; null for no limit.</summary>
    public int? MaxThinkingTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 0, int.MaxValue, "0 or more") : null;
    }

    /// <summary>Text of the token that ends the thinking; must be one token of the model.</summary>
    public string ThinkEnd { get; init; } = "</think>";

    /// <summary>Text that follows when the end of thinking was forced; at most 64 tokens.</summary>
    public string ThinkEndText { get; init; } = "";

    /// <summary>Concentration of Dirichlet noise on thoughts: 0 (off) to 1,000,000.</summary>
    public float DirichletAlpha
    {
        get;
        init => field = OptionRange.Check(value, 0, 1e6f, "0 to 1000000");
    }

    /// <summary>Temperature of Gumbel-softmax noise on thoughts: 0 (off), or 0.0001 to 100.</summary>
    public float GumbelSoftmaxTemperature
    {
        get;
        init => field = value == 0 ? 0 : OptionRange.Check(value, 0.0001f, 100, "0, or 0.0001 to 100");
    }

    /// <summary>Divides the logits of heads seen in the prompt or the output when positive, multiplies them when negative:
    /// above 0, at most 100; 1 is off.</summary>
    public float RepetitionPenalty
    {
        get;
        init => field = OptionRange.Check(value, 0.0001f, 100, "0.0001 to 100");
    } = 1;

    /// <summary>Subtracted from a logit per time that the id was a head of the output: -100 to 100; 0 is off.</summary>
    public float FrequencyPenalty
    {
        get;
        init => field = OptionRange.Check(value, -100, 100, "-100 to 100");
    }

    /// <summary>Subtracted from the logit of every id that was a head of the output: -100 to 100; 0 is off.</summary>
    public float PresencePenalty
    {
        get;
        init => field = OptionRange.Check(value, -100, 100, "-100 to 100");
    }

    /// <summary>Seed of all randomness of the sequence.</summary>
    public ulong Seed { get; init; }

    internal bool Penalizes => RepetitionPenalty != 1 || FrequencyPenalty != 0 || PresencePenalty != 0;
}

/// <summary>Checks of option values; the message names the option and its range.</summary>
internal static class OptionRange
{
    public static T Check<T>(T value, T least, T most, string range, [CallerMemberName] string option = "")
        where T : IComparable<T>
    {
        // NaN compares below everything, so it is refused with what is too small.
        if (value.CompareTo(least) < 0 || value.CompareTo(most) > 0)
            throw Error(value, range, option);
        return value;
    }

    /// <summary>A copy of a list that has at most <paramref name="most"/> entries, all good.</summary>
    public static IReadOnlyList<T> CheckAll<T>(
        IReadOnlyList<T> values, int most, Func<T, bool> good, string range, [CallerMemberName] string option = "")
    {
        T[] copy = [.. values];
        if (copy.Length > most || !copy.All(good))
            throw new ArgumentOutOfRangeException(option, FormattableString.Invariant($"{option} must be at most {most}, {range}"));
        return copy;
    }

    public static ArgumentOutOfRangeException Error<T>(T value, string range, [CallerMemberName] string option = "") =>
        new(option, FormattableString.Invariant($"{option} must be {range}, not {value}"));
}
