namespace SoftThinking.Checkpoints.Families;

/// <summary>Qwen2, Qwen2.5, QwQ and the DeepSeek-R1 distills onto them: biases of query, key and value, whatever config.json says.</summary>
internal sealed class Qwen2() : ModelFamily(ModelArchitecture.Qwen2, "Qwen2ForCausalLM", "qwen2")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        VocabularySize = 151936,
        FfnSize = 22016,
        KvHeads = 32,
        MaxPositions = 32768,
        Window = new(4096, FirstLayer: 28),
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (true, false);
}
