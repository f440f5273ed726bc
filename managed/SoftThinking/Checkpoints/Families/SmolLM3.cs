using System.Collections.Immutable;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints.Families;

/// <summary>SmolLM3: layers without a rotary embedding between others.</summary>
internal sealed class SmolLM3() : ModelFamily(ModelArchitecture.SmolLM3, "SmolLM3ForCausalLM", "smollm3")
{
    public override FamilyDefaults Defaults { get; } = new()
    {
        HiddenSize = 2048,
        Layers = 36,
        Heads = 16,
        KvHeads = 4,
        FfnSize = 11008,
        VocabularySize = 128256,
        MaxPositions = 32768,
        TieWordEmbeddings = true,
        RopeTheta = 2_000_000,
        BosId = 128000,
        EosId = 128001,
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => (attentionBias, attentionBias);

    public override IEnumerable<LayerConfig>? ReadLayers(JsonSettings json, ModelConfig config)
    {
        const string Key = "no_rope_layers";
        if (json.OptionalFlag("use_sliding_window") == true)
            throw json.Refuse("use_sliding_window", "is true, which is not supported for SmolLM3");
        int interval = json.Integer("no_rope_layer_interval", 1, int.MaxValue, 4);
        // In spite of its name, 1 means that the layer rotates.
        ImmutableArray<int>? rotates = json.OptionalIntegers(Key, 0, 1);
        if (rotates is { } list && list.Length != config.Layers)
            throw json.Refuse(Key, $"has {list.Length} entries for the {config.Layers} layers of num_hidden_layers");
        return Enumerable.Range(0, config.Layers).Select(layer =>
            (rotates is { } known ? known[layer] == 1 : (layer + 1) % interval != 0) ? Layer : Layer with { Rope = LayerRope.None });
    }
}
