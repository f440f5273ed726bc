namespace SoftThinking.Checkpoints;

/// <summary>Tensors of a checkpoint that the model does not use: a sign that its architecture is not the one that its
/// configuration names.</summary>
internal static class UnusedTensors
{
    /// <summary>Names of unused tensors, in alphabetical order. Those that older writers saved although they follow from the
    /// configuration, or duplicate another tensor, are skipped.</summary>
    public static string[] Of(Checkpoint checkpoint)
    {
        ModelTensors used = ModelTensors.Of(ModelShard.All(checkpoint.Config));
        return [.. checkpoint.Names
            .Except(used.StoredMatrices.Keys, StringComparer.Ordinal)
            .Except(used.StoredVectors.Keys, StringComparer.Ordinal)
            .Where(name => !IsHarmless(name, checkpoint.Config))
            .Order(StringComparer.Ordinal)];
    }

    private static bool IsHarmless(string name, ModelConfig config) =>
        name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || (config.TieWordEmbeddings && name == "lm_head.weight");
}
