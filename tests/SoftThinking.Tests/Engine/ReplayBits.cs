using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>Compares replay with the record of a rollout.</summary>
internal static class ReplayBits
{
    /// <summary>One rollout of each strategy, with the golden parameters.</summary>
    public static readonly string[] OfEachStrategy =
    [
        "exits/cusum-qwen3.safetensors", // soft
        "rollouts/dirichlet-llama.safetensors",
        "rollouts/gumbel-qwen3.safetensors",
        "rollouts/latent-grpo-qwen3.safetensors",
        "rollouts/latent-sft-qwen2.safetensors",
        "rollouts/mixture-of-inputs-llama.safetensors",
        "rollouts/multiplex-qwen2.safetensors",
        "rollouts/soft-grpo-qwen2.safetensors",
        "rollouts/swireasoning-qwen2-tied.safetensors",
        "rollouts/think-router-llama3-rope.safetensors",
    ];

    /// <summary>The scores have the bits of the record.</summary>
    public static void AreThoseOf(IReadOnlyList<GeneratedToken> recorded, ReplayScores scores, string where)
    {
        Assert.That(scores.Steps, Has.Count.EqualTo(recorded.Count), where);
        for (int step = 0; step < recorded.Count; step++)
        {
            (TokenRecord record, StepScores got) = (recorded[step].Record!, scores.Steps[step]);
            string at = $"{where}, step {step}";
            Assert.That(Same(got.LogP1, record.LogP1), Is.True, $"{at}: ln p_1");
            Assert.That(Same(got.LogPt, record.LogPt), Is.True, $"{at}: ln p_T");
            Assert.That(Same([got.TokenLogP1], [record.TokenLogP1]), Is.True, $"{at}: ln p_1 of the token");
        }
    }

    /// <summary>Whether two results have the same bits in everything.</summary>
    public static bool Same(ReplayScores a, ReplayScores b) =>
        a.Steps.Count == b.Steps.Count && a.Steps.Zip(b.Steps).All(pair => Same(Values(pair.First), Values(pair.Second)));

    private static float[] Values(StepScores step) => [.. step.LogP1, .. step.LogPt, step.TokenLogP1, step.TokenLogPt, .. step.IdsLogP1, .. step.IdsLogPt];

    private static bool Same(IReadOnlyList<float> a, IReadOnlyList<float> b) => Bits.Same([.. a], [.. b]);
}
