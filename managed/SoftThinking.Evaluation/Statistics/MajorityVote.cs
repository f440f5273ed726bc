using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>The answer that most samples of an item agree on, each with the weight of its confidence where that is known.</summary>
public static class MajorityVote
{
    /// <summary>
    /// The first sample of the largest group of equal answers, and of the group seen first where two are equally large; null where
    /// no sample has an answer. Samples without an answer do not vote, nor do those that ended because their confidence was low.
    /// </summary>
    /// <param name="samples">The samples of one item.</param>
    /// <param name="equal">
    /// Whether two answers mean the same; null compares their text, blanks apart. It is asked for texts that differ only, and once
    /// for each group.
    /// </param>
    public static SampleResult? Winner(IReadOnlyList<SampleResult> samples, Func<string, string, bool>? equal = null)
    {
        List<Group> groups = [];
        foreach (SampleResult sample in samples)
        {
            if (sample.FinishReason == "low_confidence" || sample.Verdict.Outcome == Outcome.NoAnswer || sample.Verdict.Answer is not { } answer)
                continue;
            string text = Normalize(answer);
            Group? group = groups.Find(g => g.Texts.Contains(text))
                ?? (equal is null ? null : groups.Find(g => equal(g.First.Verdict.Answer!, answer)));
            if (group is null)
                groups.Add(group = new Group(sample));
            group.Texts.Add(text);
            group.Votes += sample.Confidence ?? 1;
        }
        return groups.MaxBy(g => g.Votes)?.First;
    }

    /// <summary>Blanks at the ends and repeated blanks do not make an answer another one.</summary>
    private static string Normalize(string answer) =>
        string.Join(' ', answer.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private sealed class Group(SampleResult first)
    {
        public SampleResult First { get; } = first;
        public HashSet<string> Texts { get; } = new(StringComparer.Ordinal);
        public double Votes { get; set; }
    }
}
