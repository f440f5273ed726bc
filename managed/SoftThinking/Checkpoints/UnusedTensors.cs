namespace SoftThinking.Checkpoints;

/// <summary>Tensors of a checkpoint that the model does not use: a sign that its architecture is not the one that its
/// configuration names.</summary>
internal static class UnusedTensors
{
    /// <summary>Of activations and caches, which are not quantized here.</summary>
    private static readonly string[] ActivationScales = [".activation_scale", ".input_scale", ".output_scale", ".k_scale", ".v_scale"];

    /// <summary>Names of unused tensors, in alphabetical order. Those that older writers saved although they follow from the
    /// configuration, or duplicate another tensor, are skipped.</summary>
    public static string[] Of(Checkpoint checkpoint)
    {
        ModelTensors used = ModelTensors.Of(ModelShard.All(checkpoint.Config));
        return [.. checkpoint.Names
            .Except(used.StoredMatrices.Keys, StringComparer.Ordinal)
            .Except(used.StoredVectors.Keys, StringComparer.Ordinal)
            .Except(used.StoredMatrices.Keys.SelectMany(ScaleGrid.NamesFor), StringComparer.Ordinal)
            .Where(name => !IsHarmless(name, checkpoint.Config))
            .Order(StringComparer.Ordinal)];
    }

    private static bool IsHarmless(string name, ModelConfig config) =>
        name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal)
        || (config.Quantization != null && ActivationScales.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal)))
        || (config.TieWordEmbeddings && name == "lm_head.weight");
}
