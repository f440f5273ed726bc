namespace SoftThinking.Thinking;

/// <summary>Ids whose logits a request changes.</summary>
/// <param name="Ids">Biased ids, then ids that are held back until the minimum number of tokens.</param>
/// <param name="Values">Bias of each of the first ids.</param>
internal readonly record struct LogitBias(int[] Ids, float[] Values)
{
    /// <summary>Maximum length of <see cref="Ids"/>.</summary>
    public const int MaxIds = SamplingOptions.MaxBiases + 256;

    /// <param name="endIds">Ids that end the text.</param>
    /// <exception cref="RequestOptionException">An id is outside the vocabulary, or too many are held back.</exception>
    public static LogitBias Make(GenerationRequest request, IReadOnlyList<int> endIds, int vocabulary)
    {
        KeyValuePair<int, float>[] biases = [.. request.Sampling.LogitBias.OrderBy(bias => bias.Key)];
        if (biases.Length > 0 && biases[^1].Key >= vocabulary)
            throw RequestOption.LogitBias.Error($"names token {biases[^1].Key}; the model's vocabulary ends at {vocabulary - 1}");
        int[] held = request.MinNewTokens > 0
            ? [.. (request.IgnoreEndOfText ? [] : endIds).Concat(request.StopIds).Where(id => id < vocabulary).Distinct()]
            : [];
        return biases.Length + held.Length <= MaxIds
            ? new LogitBias([.. biases.Select(bias => bias.Key), .. held], [.. biases.Select(bias => bias.Value)])
            : throw RequestOption.MinNewTokens.Error($"must be 0: {held.Length} ids end the text, and at most {MaxIds - biases.Length} can be held back");
    }
}
