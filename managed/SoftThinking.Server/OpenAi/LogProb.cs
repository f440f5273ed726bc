namespace SoftThinking.Server.OpenAi;

/// <summary>Log-probabilities in JSON, which has no infinity.</summary>
internal static class LogProb
{
    /// <summary>What the OpenAI API sends for a token that is excluded.</summary>
    private const float OfExcluded = -9999;

    public static float Finite(float logProb) => float.IsFinite(logProb) ? logProb : OfExcluded;
}
