using SoftThinking.Interop;

namespace SoftThinking.Thinking;

/// <summary>The parameters of a thinking strategy in the form that the device reads.</summary>
internal static class StrategySetup
{
    // ST_STRATEGY_*.
    private const int Soft = 0, Mixture = 1, Multiplex = 2, SwiReasoning = 3, ThinkRouter = 4, LatentSft = 5, LatentGrpo = 6, SoftGrpo = 7;

    /// <param name="maxTokens">Tokens of the whole request.</param>
    public static void Apply(ref SlotSampling sampling, SamplingOptions options, TokenSets tokens, int maxTokens)
    {
        sampling.Multiplex.MaskThreshold = -1; // off
        sampling.Swireasoning = new SlotSwireasoning { Window = 1, MaxTokens = 1, StartBlendId = -1, FinalTokens = 1 }; // what the device expects at least
        switch (options.Strategy)
        {
            case SoftStrategy soft:
                sampling.Strategy = Soft;
                (sampling.DirichletAlpha, sampling.GumbelTemperature) = (soft.DirichletAlpha, soft.GumbelSoftmaxTemperature);
                break;
            case GumbelStrategy gumbel:
                (sampling.Strategy, sampling.GumbelTemperature) = (Soft, gumbel.GumbelTemperature);
                break;
            case DirichletStrategy dirichlet:
                (sampling.Strategy, sampling.DirichletAlpha) = (Soft, dirichlet.DirichletAlpha);
                break;
            case MixtureOfInputsStrategy mixture:
                sampling.Strategy = Mixture;
                sampling.Mixture = new SlotMixture { Beta = mixture.Beta, Direct = mixture.Direct ? 1 : 0, After = mixture.AfterThinking ? 1 : 0 };
                break;
            case MultiplexStrategy multiplex:
                sampling.Strategy = Multiplex;
                sampling.Multiplex = new SlotMultiplex { Uniform = multiplex.UniformWeights ? 1 : 0, MaskThreshold = multiplex.MaskThreshold ?? -1 };
                break;
            case SwiReasoningStrategy switches:
                sampling.Strategy = SwiReasoning;
                sampling.Swireasoning = SwireasoningOf(switches, tokens, maxTokens);
                break;
            case ThinkRouterStrategy router:
                (sampling.Strategy, sampling.RouterThreshold) = (ThinkRouter, router.RouterThreshold);
                break;
            case LatentSftStrategy:
                sampling.Strategy = LatentSft;
                break;
            case PerturbedStrategy perturbed:
                sampling.Strategy = perturbed is LatentGrpoStrategy ? LatentGrpo : SoftGrpo;
                sampling.GumbelTemperature = perturbed.GumbelTemperature;
                sampling.Noise = NoiseOf(perturbed);
                break;
            default:
                throw new NotSupportedException($"unknown strategy {options.Strategy.Name}");
        }
    }

    private static SlotSwireasoning SwireasoningOf(SwiReasoningStrategy options, TokenSets tokens, int maxTokens) => new()
    {
        Window = options.Window,
        Alpha0 = options.Alpha0,
        Beta0 = options.Beta0,
        MaxTokens = maxTokens,
        StartBlendId = options.StartBlendId ?? tokens.BackslashN ?? -1,
        MaxSwitchCount = options.MaxSwitchCount,
        FinalTokens = options.FinalTokens,
    };

    private static SlotNoise NoiseOf(PerturbedStrategy options) => new()
    {
        Scale = options.NoiseScale,
        Low = options.NoiseClamp.Least,
        High = options.NoiseClamp.Most,
        OneSided = options is LatentGrpoStrategy { OneSided: true } ? 1 : 0,
    };
}
