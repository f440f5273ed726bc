namespace SoftThinking.Checkpoints.Families;

/// <summary>Phi-3, Phi-3.5, Phi-4: one stored matrix for query, key and value, one for gate and up, and in some models LongRoPE or a
/// part of each head that does not rotate.</summary>
internal sealed class Phi3() : ModelFamily(ModelArchitecture.Phi3, "Phi3ForCausalLM", "phi3")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        HiddenSize = 3072,
        VocabularySize = 32064,
        FfnSize = 8192,
        MaxPositions = 4096,
        OriginalMaxPositions = 4096,
        RotatesParts = true,
        NormEpsilon = 1e-5,
        BosId = 1,
        EosId = 32000,
        Window = new(null),
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (false, false);

    // Files name it so that older programs refuse it.
    public override bool IsLongRope(string type) => type is "longrope" or "su" or "yarn";

    public override LayerTensors Tensors(ModelShard shard, int layer)
    {
        ModelConfig config = shard.Whole;
        string at = $"model.layers.{layer}.", qkv = at + "self_attn.qkv_proj", gateUp = at + "mlp.gate_up_proj";
        int queries = config.Heads * config.HeadDim, keys = config.KvHeads * config.HeadDim, all = queries + 2 * keys, ffn = config.FfnSize;
        Window heads = shard.Heads.Times(config.HeadDim), kvHeads = shard.KvHeads.Times(config.HeadDim), hidden = Window.All(config.HiddenSize);
        return base.Tensors(shard, layer) with
        {
            Qkv = MatrixTensors.Stacked(
                MatrixRole.Projection, hidden, new(qkv, heads.Within(0, all)), new(qkv, kvHeads.Within(queries, all)), new(qkv, kvHeads.Within(queries + keys, all))),
            GateUp = MatrixTensors.Interleaved(
                MatrixRole.Projection, hidden, new(gateUp, shard.Ffn.Within(0, 2 * ffn)), new(gateUp, shard.Ffn.Within(ffn, 2 * ffn))),
        };
    }
}
