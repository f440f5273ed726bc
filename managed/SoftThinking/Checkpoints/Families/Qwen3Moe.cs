using System.Collections.Immutable;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints.Families;

/// <summary>Qwen3 with experts: on all layers but those of "mlp_only_layers", or every "decoder_sparse_step"-th.</summary>
internal sealed class Qwen3Moe() : ModelFamily(ModelArchitecture.Qwen3Moe, "Qwen3MoeForCausalLM", "qwen3_moe")
{
    private readonly Qwen3 _dense = new();

    public override FamilyDefaults Defaults { get; } = new()
    {
        HiddenSize = 2048,
        Layers = 24,
        KvHeads = 4,
        VocabularySize = 151936,
        FfnSize = 6144,
        MaxPositions = 32768,
    };

    public override (bool Qkv, bool Output) Biases(bool attentionBias) => _dense.Biases(attentionBias);

    public override LayerConfig Layer => _dense.Layer;

    public override IEnumerable<LayerConfig> ReadLayers(JsonSettings json, ModelConfig config)
    {
        if (json.OptionalFlag("use_sliding_window") == true)
            throw json.Refuse("use_sliding_window", $"is true, which {ClassName} does not have");
        ExpertConfig experts = ReadExperts(json);
        int step = json.Integer("decoder_sparse_step", 1, 1024, 1);
        ImmutableArray<int> dense = ReadDenseLayers(json, config.Layers);
        return Enumerable.Range(0, config.Layers).Select(i =>
            dense.Contains(i) || (i + 1) % step != 0 ? Layer : Layer with { Experts = experts });
    }

    public override LayerTensors Tensors(ModelShard shard, int layer)
    {
        LayerTensors dense = _dense.Tensors(shard, layer);
        return dense.Config.Experts is ExpertConfig experts
            ? dense with { GateUp = null, Down = null, Experts = TensorsOf(experts, shard, $"model.layers.{layer}.mlp.") }
            : dense;
    }

    private static ExpertConfig ReadExperts(JsonSettings json)
    {
        string key = json.Has("num_experts") ? "num_experts" : "num_local_experts";
        int count = json.Integer(key, 1, ExpertConfig.MaxCount, 128);
        int perToken = json.Integer("num_experts_per_tok", 1, ExpertConfig.MaxCount, 8);
        if (perToken > count)
            throw json.Refuse("num_experts_per_tok", $"is {perToken}, more than the {count} of {key}");
        return new(count, perToken, json.Integer("moe_intermediate_size", 1, 1 << 20, 768), json.OptionalFlag("norm_topk_prob") ?? false);
    }

    private static ImmutableArray<int> ReadDenseLayers(JsonSettings json, int layers)
    {
        const string Key = "mlp_only_layers";
        return json.Find(Key) is { ValueKind: System.Text.Json.JsonValueKind.Array } list
            ? [.. list.EnumerateArray().Select(layer => json.ReadInteger(Key, layer, 0, layers - 1))]
            : json.Find(Key) == null ? [] : throw json.Refuse(Key, "is not a list");
    }

    private static ExpertTensors TensorsOf(ExpertConfig experts, ModelShard shard, string mlp)
    {
        Window hidden = Window.All(shard.Whole.HiddenSize), ffn = Window.All(experts.FfnSize), held = shard.Experts(experts.Count);
        IEnumerable<string> names = Enumerable.Range(held.First, held.Count).Select(e => $"{mlp}experts.{e}.");
        return new ExpertTensors(
            MatrixTensors.Stacked(MatrixRole.Router, hidden, new MatrixPart(mlp + "gate", Window.All(experts.Count))),
            [.. names.Select(name => MatrixTensors.Interleaved(MatrixRole.Expert, hidden, new(name + "gate_proj", ffn), new(name + "up_proj", ffn)))],
            [.. names.Select(name => MatrixTensors.Stacked(MatrixRole.Expert, ffn, new MatrixPart(name + "down_proj", hidden)))]);
    }
}
