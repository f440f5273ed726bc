using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Statistics;

/// <summary>What became of the samples of a setting.</summary>
public sealed record SampleCounts
{
    /// <summary>Counts the samples.</summary>
    public SampleCounts(IReadOnlyCollection<SampleResult> samples)
    {
        Samples = samples.Count;
        foreach (SampleResult sample in samples)
        {
            Count(sample);
            CountThought(sample);
        }
    }

    /// <summary>All samples.</summary>
    public int Samples { get; }

    /// <summary>Samples with a correct answer.</summary>
    public int Correct { get; private set; }

    /// <summary>Samples that a language model found correct after the rules had said no; part of <see cref="Correct"/>.</summary>
    public int CorrectByModel { get; private set; }

    /// <summary>Samples that a language model was asked about.</summary>
    public int AskedModel { get; private set; }

    /// <summary>Samples with a wrong answer.</summary>
    public int Wrong { get; private set; }

    /// <summary>Samples without an answer; they count as not correct.</summary>
    public int NoAnswer { get; private set; }

    /// <summary>Samples that no judge could decide; they count as not correct, and are reported apart.</summary>
    public int Undecided { get; private set; }

    /// <summary>Samples that ended with an error.</summary>
    public int Failed { get; private set; }

    /// <summary>Samples that ended at their limit of tokens.</summary>
    public int CutOff { get; private set; }

    /// <summary>Thoughts that the model ended.</summary>
    public int EndedByModel { get; private set; }

    /// <summary>Thoughts that a cold stop ended.</summary>
    public int ColdStops { get; private set; }

    /// <summary>Thoughts that ended at their budget.</summary>
    public int EndedByBudget { get; private set; }

    /// <summary>Thoughts that another early exit, or the strategy, ended.</summary>
    public int EndedByExit { get; private set; }

    /// <summary>Thoughts that did not end.</summary>
    public int NeverEnded { get; private set; }

    /// <summary>Samples without a thought.</summary>
    public int NoThought { get; private set; }

    private void Count(SampleResult sample)
    {
        if (sample.FinishReason == "error")
            Failed++;
        if (sample.FinishReason == "length")
            CutOff++;
        if (sample.ModelVerdict is not null)
            AskedModel++;
        if (sample.Correct)
        {
            Correct++;
            if (sample.Verdict.Outcome != Outcome.Correct)
                CorrectByModel++;
        }
        else if (sample.Verdict.Outcome == Outcome.Undecided || sample.ModelVerdict?.Outcome == Outcome.Undecided)
        {
            Undecided++;
        }
        else if (sample.Verdict.Outcome == Outcome.NoAnswer)
        {
            NoAnswer++;
        }
        else
        {
            Wrong++;
        }
    }

    private void CountThought(SampleResult sample)
    {
        switch (sample.ThinkingEnd)
        {
            case "model":
                EndedByModel++;
                break;
            case "cold_stop":
                ColdStops++;
                break;
            case "budget":
                EndedByBudget++;
                break;
            case "cusum" or "eat" or "deer" or "switches":
                EndedByExit++;
                break;
            default:
                if (sample.ThinkingTokens > 0)
                    NeverEnded++;
                else
                    NoThought++;
                break;
        }
    }
}
