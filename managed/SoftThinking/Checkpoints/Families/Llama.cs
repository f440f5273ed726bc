namespace SoftThinking.Checkpoints.Families;

/// <summary>Llama 2 and 3.x, and the DeepSeek-R1 distills onto them.</summary>
internal sealed class Llama() : ModelFamily(ModelArchitecture.Llama, "LlamaForCausalLM", "llama")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        VocabularySize = 32000,
        FfnSize = 11008,
        MaxPositions = 2048,
        BosId = 1,
        EosId = 2,
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (attentionBias, attentionBias);
}
