using System.Text;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>The settings of Qwen3-MoE, and what is refused.</summary>
public class Qwen3MoeTests
{
    [Test]
    public void AbsentKeysHaveTheDefaultsOfTransformers()
    {
        ModelConfig config = Load("{}");
        Assert.That(config.Architecture, Is.EqualTo(ModelArchitecture.Qwen3Moe));
        Assert.That(config.LayerConfigs.Length, Is.EqualTo(24));
        Assert.That(config.LayerConfigs.Distinct(), Is.EqualTo(new[]
        {
            new LayerConfig(QkNorm: QkNormKind.PerHead, Experts: new ExpertConfig(128, 8, 768, Normalizes: false)),
        }));
        Assert.That((config.HeadDim, config.KvHeads, config.FfnSize), Is.EqualTo((64, 4, 6144)));
    }

    [TestCase("""{"num_hidden_layers":5,"mlp_only_layers":[0,3]}""", "-ee-e")]
    [TestCase("""{"num_hidden_layers":5,"mlp_only_layers":[],"decoder_sparse_step":2}""", "-e-e-")]
    [TestCase("""{"num_hidden_layers":6,"mlp_only_layers":[2],"decoder_sparse_step":3}""", "-----e")]
    [TestCase("""{"num_hidden_layers":2,"mlp_only_layers":null}""", "ee")]
    public void LayersHaveExpertsByTwoRules(string settings, string expected) =>
        Assert.That(string.Concat(Load(settings).LayerConfigs.Select(layer => layer.Experts == null ? '-' : 'e')), Is.EqualTo(expected));

    [TestCase("""{"num_experts":60,"num_local_experts":8}""", 60)]
    [TestCase("""{"num_local_experts":16}""", 16)]
    public void TheNumberOfExpertsHasTwoNames(string settings, int expected) =>
        Assert.That(Load(settings).LayerConfigs[0].Experts!.Count, Is.EqualTo(expected));

    [TestCase("""{"num_experts":0}""", "num_experts")]
    [TestCase("""{"num_experts":1025}""", "num_experts")]
    [TestCase("""{"num_local_experts":-1}""", "num_local_experts")]
    [TestCase("""{"num_experts":4,"num_experts_per_tok":5}""", "num_experts_per_tok is 5, more than the 4 of num_experts")]
    [TestCase("""{"num_local_experts":4}""", "num_experts_per_tok is 8, more than the 4 of num_local_experts")]
    [TestCase("""{"num_experts_per_tok":0}""", "num_experts_per_tok")]
    [TestCase("""{"moe_intermediate_size":0}""", "moe_intermediate_size")]
    [TestCase("""{"decoder_sparse_step":0}""", "decoder_sparse_step")]
    [TestCase("""{"norm_topk_prob":1}""", "norm_topk_prob")]
    [TestCase("""{"mlp_only_layers":[24]}""", "mlp_only_layers")]
    [TestCase("""{"mlp_only_layers":[-1]}""", "mlp_only_layers")]
    [TestCase("""{"mlp_only_layers":["1"]}""", "mlp_only_layers")]
    [TestCase("""{"mlp_only_layers":3}""", "mlp_only_layers is not a list")]
    [TestCase("""{"use_sliding_window":true}""", "use_sliding_window is true")]
    [TestCase("""{"hidden_act":"gelu"}""", "hidden_act")]
    public void BadSettingsAreRefusedByName(string settings, string problem) =>
        Assert.That(() => Load(settings), Throws.InstanceOf<ModelFileException>().With.Message.Contains(problem));

    [TestCase("experts.7.up_proj", "experts.7.up_prof")]
    [TestCase("mlp.gate.weight", "mlp.gatf.weight")]
    [TestCase("experts.0.down_proj", "experts.9.down_proj")]
    public void AMissingTensorIsNamed(string name, string renamed)
    {
        using TempFolder folder = new();
        Copy(folder, edit: header => header.Replace(name, renamed, StringComparison.Ordinal));
        Assert.That(() => Engine.Load(folder.Path, new EngineOptions { Device = ComputeDevice.Cpu }).Dispose(),
            Throws.InstanceOf<ModelFileException>().With.Message.Contains(name).And.Message.Contains("is missing"));
    }

    [Test]
    public void MoreExpertsThanTheFileHasAreRefused()
    {
        using TempFolder folder = new();
        Copy(folder, settings: config => config["num_experts"] = 9);
        Assert.That(() => Engine.Load(folder.Path, new EngineOptions { Device = ComputeDevice.Cpu }).Dispose(),
            Throws.InstanceOf<ModelFileException>().With.Message.Contains("model.layers.0.mlp.gate.weight"));
    }

    [Test]
    public void MoreDevicesThanExpertsAreRefused()
    {
        ModelConfig config = Load("""{"num_hidden_layers":1,"num_experts":3,"num_experts_per_tok":1}""");
        Assert.That(() => ModelShard.Make(config, 0, 4, MatrixFormat.BF16), Throws.ArgumentException.With.Message.Contains("a layer has 3 experts"));
        Assert.That(Enumerable.Range(0, 2).Select(rank => ModelShard.Make(config, rank, 2, MatrixFormat.BF16).Experts(3)),
            Is.EqualTo(new[] { new Window(0, 1, 3), new Window(1, 2, 3) }));
    }

    private static ModelConfig Load(string settings)
    {
        using TempFolder folder = new();
        JsonNode config = JsonNode.Parse(settings)!;
        config["architectures"] = new JsonArray("Qwen3MoeForCausalLM");
        return ModelConfig.Load(folder.Write("config.json", config.ToJsonString()));
    }

    // The golden checkpoint with changes; names in the header keep their length.
    private static void Copy(TempFolder folder, Action<JsonNode>? settings = null, Func<string, string>? edit = null)
    {
        if (TestData.FindGolden("families") is not string golden)
        {
            Assert.Ignore("no golden data of families");
            return;
        }
        string from = Path.Combine(golden, "qwen3-moe");
        File.Copy(Path.Combine(from, "tokenizer.json"), folder.File("tokenizer.json"));
        JsonNode config = JsonNode.Parse(File.ReadAllText(Path.Combine(from, "config.json")))!;
        settings?.Invoke(config);
        folder.Write("config.json", config.ToJsonString());
        string weights = Encoding.Latin1.GetString(File.ReadAllBytes(Path.Combine(from, "model.safetensors")));
        folder.Write("model.safetensors", Encoding.Latin1.GetBytes(edit?.Invoke(weights) ?? weights));
    }
}
