namespace SoftThinking.Evaluation;

/// <summary>What a judge found.</summary>
public enum Outcome
{
    /// <summary>The answer agrees with the reference.</summary>
    Correct,

    /// <summary>There is an answer, and it does not agree with the reference.</summary>
    Wrong,

    /// <summary>There is no answer: the thought never ended, or nothing in the text is one. Counts as not correct.</summary>
    NoAnswer,

    /// <summary>No judge could decide: one failed, or code was not run. Counts as not correct, and is always reported.</summary>
    Undecided,
}

/// <summary>A judged answer.</summary>
/// <param name="Outcome">What the judge found.</param>
/// <param name="Rule">Short name of the rule that decided, such as "text", "rational", "interval", "choice.mark", "tests".</param>
public sealed record Verdict(Outcome Outcome, string Rule)
{
    /// <summary>The answer that was extracted; null where there is none.</summary>
    public string? Answer { get; init; }

    /// <summary>Additional information, such as the message of a failed test; null for none.</summary>
    public string? Note { get; init; }
}
