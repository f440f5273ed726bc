namespace SoftThinking.Checkpoints.Families;

/// <summary>Mistral: Llama with a sliding window where config.json has one, or has no such key.</summary>
internal sealed class Mistral() : ModelFamily(ModelArchitecture.Mistral, "MistralForCausalLM", "mistral")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        VocabularySize = 32000,
        FfnSize = 14336,
        KvHeads = 8,
        MaxPositions = 131072,
        BosId = 1,
        EosId = 2,
        Window = new(4096),
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (false, false);
}
