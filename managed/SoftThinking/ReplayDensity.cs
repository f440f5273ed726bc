namespace SoftThinking;

/// <summary>The log-probabilities of recorded steps under a model that scored them (<c>Engine.ScoreAsync</c>), as their strategies define them
/// for reinforcement learning. Under the model that generated the sequence they are those of the record.</summary>
public static class ReplayDensity
{
    /// <summary>The log-probability of a recorded step, computed in double precision.
    /// <list type="bullet">
    /// <item>Forced steps: 0. Plain steps, mixture-of-inputs and swireasoning: ln p_T of the emitted token. Mixtures of soft and latent-sft, and
    /// those at temperature 0: 0. multiplex: the sum of ln p_T over the draws.</item>
    /// <item>latent-grpo: the mean of -g - e^(-g) over the entries, g = score - ln p_1.</item>
    /// <item>soft-grpo: the same over the entries with l > -3, g = score - l, clamped as the noise was, l = ln(q + 1e-6).</item>
    /// <item>gumbel: the same over all entries, g = score - ln q.</item>
    /// <item>dirichlet: the mean over the entries with q > 0.05 of the log-density (a - 1) x - e^x - ln Gamma(a), clamped to -5 to 3, of x = score,
    /// a = alpha q.</item>
    /// </list>
    /// q is p_T over the recorded ids, renormalized: what the filters kept is known of these only. Where a step of gumbel or dirichlet left out
    /// ids that the filters had kept, because there were more than the mixture holds or because their weights vanished, q is therefore
    /// larger than in the record, under the same model, too.</summary>
    /// <param name="strategy">The strategy that the step was generated with.</param>
    /// <param name="recorded">The step, with its <see cref="GeneratedToken.Record"/>.</param>
    /// <param name="scores">What the model gives it.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The step has no record, or the numbers of its entries, scores and log-probabilities differ.</exception>
    /// <exception cref="NotSupportedException">The strategy is <see cref="SoftStrategy"/> with both kinds of noise, of whose log-probability the
    /// record does not hold all that is needed.</exception>
    public static double LogProb(ThinkingStrategy strategy, GeneratedToken recorded, StepScores scores)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        ArgumentNullException.ThrowIfNull(recorded);
        ArgumentNullException.ThrowIfNull(scores);
        TokenRecord record = recorded.Record ?? throw new ArgumentException($"the token has no {nameof(GeneratedToken.Record)}", nameof(recorded));
        if (scores.LogPt.Count != recorded.Token.Count)
        {
            throw new ArgumentException(
                $"there are log-probabilities of {scores.LogPt.Count} entries, the token has {recorded.Token.Count}", nameof(scores));
        }
        return LogProb(strategy, record.Mixed, record.Forced, record.Scores, scores);
    }

    /// <summary>As <see cref="LogProb(ThinkingStrategy, GeneratedToken, StepScores)"/>, from what a record that is kept elsewhere says of the
    /// step.</summary>
    /// <param name="strategy">The strategy that the step was generated with.</param>
    /// <param name="mixed"><see cref="TokenRecord.Mixed"/>.</param>
    /// <param name="forced"><see cref="TokenRecord.Forced"/>.</param>
    /// <param name="noisy"><see cref="TokenRecord.Scores"/>: of each entry, or none.</param>
    /// <param name="scores">What the model gives the step.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The numbers of scores and log-probabilities differ.</exception>
    /// <exception cref="NotSupportedException">The strategy is <see cref="SoftStrategy"/> with both kinds of noise.</exception>
    public static double LogProb(ThinkingStrategy strategy, bool mixed, bool forced, IReadOnlyList<float> noisy, StepScores scores)
    {
        ArgumentNullException.ThrowIfNull(strategy);
        ArgumentNullException.ThrowIfNull(noisy);
        ArgumentNullException.ThrowIfNull(scores);
        if (scores.LogP1.Count != scores.LogPt.Count || (noisy.Count != 0 && noisy.Count != scores.LogPt.Count))
        {
            throw new ArgumentException(
                $"there are {noisy.Count} scores, {scores.LogP1.Count} and {scores.LogPt.Count} log-probabilities of entries", nameof(scores));
        }
        if (forced)
            return 0;
        return mixed ? OfMixture(strategy, noisy, scores) : scores.TokenLogPt;
    }

    private static double OfMixture(ThinkingStrategy strategy, IReadOnlyList<float> noisy, StepScores scores) => strategy switch
    {
        MixtureOfInputsStrategy or SwiReasoningStrategy => scores.TokenLogPt,
        MultiplexStrategy => scores.LogPt.Sum(value => (double)value),
        _ when noisy.Count == 0 => 0, // nothing was random
        LatentGrpoStrategy => Mean(noisy.Select((score, i) => Gumbel(score - (double)scores.LogP1[i]))),
        SoftGrpoStrategy soft => OfSoftGrpo(soft, noisy, Renormalized(scores.LogPt)),
        GumbelStrategy or SoftStrategy { DirichletAlpha: 0 } => OfGumbel(noisy, Renormalized(scores.LogPt)),
        DirichletStrategy dirichlet => OfDirichlet(dirichlet.DirichletAlpha, noisy, Renormalized(scores.LogPt)),
        SoftStrategy { GumbelSoftmaxTemperature: 0 } soft => OfDirichlet(soft.DirichletAlpha, noisy, Renormalized(scores.LogPt)),
        SoftStrategy => throw new NotSupportedException("the weights of the Dirichlet noise, to which the Gumbel noise was added, are not recorded"),
        _ => 0,
    };

    private static double OfSoftGrpo(PerturbedStrategy strategy, IReadOnlyList<float> noisy, double[] q)
    {
        (double low, double high) = strategy.NoiseClamp;
        double[] l = Array.ConvertAll(q, each => Math.Log(each + 1e-6));
        return Mean(Enumerable.Range(0, l.Length).Where(i => l[i] > -3).Select(i => Gumbel(Math.Clamp(noisy[i] - l[i], low, high))));
    }

    private static double OfGumbel(IReadOnlyList<float> noisy, double[] q) => Mean(noisy.Select((score, i) => Gumbel(score - Math.Log(q[i]))));

    private static double OfDirichlet(double alpha, IReadOnlyList<float> noisy, double[] q) => Mean(
        from i in Enumerable.Range(0, q.Length)
        where q[i] > 0.05
        let a = alpha * q[i]
        select Math.Clamp((a - 1) * noisy[i] - Math.Exp(noisy[i]) - LogGamma(a), -5, 3));

    /// <summary>Log-density of the standard Gumbel distribution.</summary>
    private static double Gumbel(double g) => -g - Math.Exp(-g);

    private static double Mean(IEnumerable<double> values) => values.DefaultIfEmpty(0).Average();

    /// <summary>Probabilities in proportion to e^x; 0 where all are.</summary>
    private static double[] Renormalized(IReadOnlyList<float> logarithms)
    {
        double largest = logarithms.Max();
        double[] weights = [.. logarithms.Select(x => double.IsNegativeInfinity(x) ? 0 : Math.Exp(x - largest))];
        double sum = weights.Sum();
        return sum > 0 ? Array.ConvertAll(weights, weight => weight / sum) : weights;
    }

    /// <summary>ln Gamma(x) for x above 0, by Stirling's series from 10 on.</summary>
    private static double LogGamma(double x)
    {
        double product = 1;
        for (; x < 10; x++)
            product *= x;
        double t = 1 / (x * x);
        double series = (1.0 / 12 - t * (1.0 / 360 - t * (1.0 / 1260 - t / 1680))) / x;
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + series - Math.Log(product);
    }
}
