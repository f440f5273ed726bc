using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests.Checkpoints;

internal sealed class ModelConfigTests
{
    private const string Llama = """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_size":64,"num_hidden_layers":3,
         "num_attention_heads":4,"num_key_value_heads":4,"intermediate_size":176,"vocab_size":384,
         "max_position_embeddings":2048,"rms_norm_eps":1e-05}
        """;

    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void A_file_with_every_key_is_read()
    {
        ModelConfig config = ModelConfig.Load(Path.Combine(TestData.TinyReasoner, "config.json"));
        Assert.That(config with { EosIds = [] }, Is.EqualTo(new ModelConfig
        {
            Architecture = ModelArchitecture.Qwen2,
            HiddenSize = 192,
            Layers = 5,
            Heads = 3,
            KvHeads = 1,
            HeadDim = 64,
            FfnSize = 512,
            VocabularySize = 455,
            TieWordEmbeddings = true,
            RopeTheta = 10_000,
            RopeScaling = new UnscaledRope(),
            NormEpsilon = 1e-6,
            MaxPositions = 1024,
            QkvBias = true,
            OutputBias = false,
            BosId = 450,
            EosIds = [],
        }));
        Assert.That(config.EosIds, Is.EqualTo([452]));
        Assert.That(config.LayerConfigs, Is.EqualTo(Enumerable.Repeat(new LayerConfig(), 5)));
        Assert.That(config.RopeTables, Is.EqualTo((RopeConfig[])[new(10_000, new UnscaledRope())]));
    }

    /// <summary>Values of the configuration classes of transformers.</summary>
    [TestCase("Llama", 32000, 11008, 32, 128, 2048, 1, 2)]
    [TestCase("Qwen2", 151936, 22016, 32, 128, 32768, null, null)]
    [TestCase("Qwen3", 151936, 22016, 32, 128, 32768, null, null)]
    public void Absent_keys_have_the_defaults_of_the_architecture(
        string name, int vocabulary, int ffn, int kvHeads, int headDim, int positions, int? bos, int? eos)
    {
        ModelConfig config = LoadOnly($$"""{"architectures":["{{name}}ForCausalLM"]}""");
        Assert.That((config.HiddenSize, config.Layers, config.Heads), Is.EqualTo((4096, 32, 32)));
        Assert.That((config.VocabularySize, config.FfnSize, config.KvHeads, config.HeadDim), Is.EqualTo((vocabulary, ffn, kvHeads, headDim)));
        Assert.That((config.MaxPositions, config.NormEpsilon, config.RopeTheta), Is.EqualTo((positions, 1e-6, 10_000d)));
        Assert.That(config.RopeScaling, Is.EqualTo(new UnscaledRope()));
        Assert.That(config.TieWordEmbeddings, Is.False);
        Assert.That((config.QkvBias, config.OutputBias, config.QkNorm), Is.EqualTo((name == "Qwen2", false, name == "Qwen3")));
        Assert.That(config.BosId, Is.EqualTo(bos));
        Assert.That(config.EosIds, Is.EqualTo(eos is int end ? [end] : Array.Empty<int>()));
    }

    [Test]
    public void Mistral_has_a_sliding_window_where_the_key_is_absent()
    {
        const string Mistral = "\"architectures\":[\"MistralForCausalLM\"]";
        Assert.That(WindowsOf(LoadOnly($"{{{Mistral}}}")), Is.EqualTo(Enumerable.Repeat((int?)4096, 32)));
        ModelConfig config = LoadOnly($"{{{Mistral},\"max_position_embeddings\":4096}}");
        Assert.That((config.KvHeads, config.FfnSize, config.BosId), Is.EqualTo((8, 14336, 1)));
        Assert.That(WindowsOf(config), Is.All.Null);
        Assert.That(WindowsOf(LoadOnly($"{{{Mistral},\"sliding_window\":null}}")), Is.All.Null);
    }

    [Test]
    public void An_explicit_null_is_not_the_default()
    {
        Assert.That(LoadOnly("""{"architectures":["MistralForCausalLM"],"sliding_window":null,"num_key_value_heads":null}""").KvHeads, Is.EqualTo(32));
        ModelConfig config = LoadOnly("""{"model_type":"llama","bos_token_id":null,"eos_token_id":null}""");
        Assert.That(config.BosId, Is.Null);
        Assert.That(config.EosIds, Is.Empty);
    }

    [Test]
    public void A_default_outside_the_vocabulary_is_left_out()
    {
        ModelConfig config = Load("""{"vocab_size":2}""");
        Assert.That(config.BosId, Is.EqualTo(1));
        Assert.That(config.EosIds, Is.Empty);
    }

    [TestCase("Qwen2ForCausalLM", "false", true, false, false)]
    [TestCase("Qwen2ForCausalLM", "true", true, false, false)]
    [TestCase("Qwen3ForCausalLM", "false", false, false, true)]
    [TestCase("Qwen3ForCausalLM", "true", true, true, true)]
    [TestCase("LlamaForCausalLM", "null", false, false, false)]
    [TestCase("LlamaForCausalLM", "true", true, true, false)]
    [TestCase("MistralForCausalLM", "true", false, false, false)]
    public void The_architecture_decides_biases_and_norms(string name, string bias, bool qkv, bool output, bool norm)
    {
        ModelConfig config = Load($$"""{"architectures":["{{name}}"],"attention_bias":{{bias}}}""");
        Assert.That(config.Architecture + "ForCausalLM", Is.EqualTo(name));
        Assert.That((config.QkvBias, config.OutputBias, config.QkNorm), Is.EqualTo((qkv, output, norm)));
    }

    [TestCase("qwen2", ModelArchitecture.Qwen2)]
    [TestCase("qwen3", ModelArchitecture.Qwen3)]
    [TestCase("llama", ModelArchitecture.Llama)]
    [TestCase("mistral", ModelArchitecture.Mistral)]
    public void The_model_type_stands_in_for_the_architecture(string type, ModelArchitecture expected)
    {
        foreach (string absent in (string[])["null", "[]"])
        {
            ModelConfig config = Load($$"""{"architectures":{{absent}},"model_type":"{{type}}"}""");
            Assert.That(config.Architecture, Is.EqualTo(expected));
        }
    }

    [TestCase("""{"eos_token_id":3}""", new[] { 3 })]
    [TestCase("""{"eos_token_id":[3,5]}""", new[] { 3, 5 })]
    [TestCase("""{"eos_token_id":[]}""", new int[0])]
    [TestCase("""{"eos_token_id":null}""", new int[0])]
    public void The_end_is_one_token_a_list_or_none(string changes, int[] expected) =>
        Assert.That(Load(changes).EosIds, Is.EqualTo(expected));

    private static IEnumerable<TestCaseData> Scalings()
    {
        const string Llama3 = "\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
            + "\"original_max_position_embeddings\":8192";
        RopeScaling llama3 = new Llama3RopeScaling(8, 1, 4, 8192);
        RopeScaling none = new UnscaledRope();
        yield return new("""{"rope_scaling":null}""", none, 10_000d);
        yield return new("""{"rope_scaling":{}}""", none, 10_000d);
        yield return new("""{"rope_scaling":{"rope_type":"default"}}""", none, 10_000d);
        yield return new("""{"rope_scaling":{"type":"linear","factor":2}}""", new LinearRopeScaling(2), 10_000d);
        yield return new("""{"rope_scaling":{"rope_type":"linear","factor":2.5},"rope_theta":500}""",
            new LinearRopeScaling(2.5), 500d);
        yield return new($$$"""{"rope_scaling":{"type":"llama3",{{{Llama3}}}}}""", llama3, 10_000d);
        yield return new($$$"""{"rope_scaling":{"rope_type":"llama3","type":"llama3",{{{Llama3}}}}}""", llama3, 10_000d);
        // The base may be in the older object, too.
        yield return new("""{"rope_scaling":{"rope_type":"default","rope_theta":50.0}}""", none, 50d);
        yield return new("""{"rope_scaling":{"rope_theta":50.0},"rope_parameters":{"rope_theta":50},"rope_theta":5e1}""", none, 50d);
        yield return new("""{"rope_scaling":{},"rope_parameters":{"type":"linear","factor":2}}""", new LinearRopeScaling(2), 10_000d);
        // Without effect for the type, and written all the same.
        yield return new("""
            {"rope_scaling":{"type":"default","factor":1,"original_max_position_embeddings":4,"partial_rotary_factor":1.0,"mrope_section":null}}
            """, none, 10_000d);
        yield return new("""{"rope_scaling":{"type":"linear","factor":2,"original_max_position_embeddings":4}}""", new LinearRopeScaling(2), 10_000d);
        yield return new("""
            {"rope_scaling":{"type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4},"original_max_position_embeddings":8192}
            """, llama3, 10_000d);
        yield return new("""{"rope_parameters":{"rope_type":"default","rope_theta":1000000.0}}""", none, 1e6);
        yield return new($$$"""{"rope_parameters":{"rope_type":"llama3","rope_theta":500000,{{{Llama3}}}}}""",
            llama3, 5e5);
        yield return new($$$"""
            {"rope_theta":5e5,"rope_scaling":{"type":"llama3",{{{Llama3}}}},
             "rope_parameters":{"rope_type":"llama3","rope_theta":500000,{{{Llama3}}}}}
            """, llama3, 5e5);
    }

    [TestCaseSource(nameof(Scalings))]
    public void Rope_scaling_is_read(string changes, RopeScaling expected, double theta)
    {
        ModelConfig config = Load(changes);
        Assert.That(config.RopeScaling, Is.EqualTo(expected));
        Assert.That(config.RopeTheta, Is.EqualTo(theta));
    }

    [Test]
    public void A_sliding_window_that_hides_nothing_is_none()
    {
        foreach (string changes in (string[])
        [
            """{"architectures":["MistralForCausalLM"],"sliding_window":null}""",
            """{"architectures":["MistralForCausalLM"],"sliding_window":2048}""",
            """{"architectures":["Qwen2ForCausalLM"],"sliding_window":512,"use_sliding_window":false}""",
            """{"architectures":["Qwen2ForCausalLM"],"sliding_window":512}""",
            """{"architectures":["Qwen3ForCausalLM"],"sliding_window":null,"use_sliding_window":true}""",
            """{"architectures":["Qwen2ForCausalLM"],"sliding_window":4096,"use_sliding_window":true}""",
            """{"architectures":["Qwen2ForCausalLM"],"sliding_window":4096,"use_sliding_window":true,"max_window_layers":0}""",
            // No layer uses it: the first that would is 28 where the file does not say.
            """{"architectures":["Qwen2ForCausalLM"],"sliding_window":512,"use_sliding_window":true}""",
            """{"architectures":["Qwen3ForCausalLM"],"sliding_window":512,"use_sliding_window":true,"max_window_layers":3}""",
            """
            {"architectures":["Qwen3ForCausalLM"],"sliding_window":512,"use_sliding_window":true,"max_window_layers":0,
             "layer_types":["full_attention","full_attention","full_attention"]}
            """,
            """{"layer_types":["full_attention","full_attention","full_attention"],"sliding_window":512}""",
            """{"sliding_window":512,"use_sliding_window":true}""",
        ])
            Assert.That(WindowsOf(Load(changes)), Is.EqualTo(new int?[3]), changes);
    }

    [TestCase("""{"architectures":["MistralForCausalLM"],"sliding_window":2047}""", 2047, 2047, 2047)]
    [TestCase("""{"architectures":["Qwen2ForCausalLM"],"sliding_window":512,"use_sliding_window":true,"max_window_layers":0}""", 512, 512, 512)]
    [TestCase("""{"architectures":["Qwen3ForCausalLM"],"sliding_window":512,"use_sliding_window":true,"max_window_layers":2}""", null, null, 512)]
    [TestCase("""
        {"architectures":["Qwen3ForCausalLM"],"use_sliding_window":true,"max_position_embeddings":8192,
         "layer_types":["sliding_attention","full_attention","sliding_attention"]}
        """, 4096, null, 4096)]
    [TestCase("""{"layer_types":["full_attention","sliding_attention","full_attention"],"sliding_window":512}""", null, 512, null)]
    public void Layers_have_their_sliding_windows(string changes, int? first, int? second, int? third) =>
        Assert.That(WindowsOf(Load(changes)), Is.EqualTo(new[] { first, second, third }));

    /// <summary>A changed copy has no layer of the old model: neither their number nor their rotary embedding.</summary>
    [Test]
    public void LayersFollowWhatAWithChanges()
    {
        ModelConfig olmo = ModelShape.Published.Single(shape => shape.Name == "olmo-3-7b").Config;
        int?[] windows = [4096, 4096, 4096, null, 4096, 4096];
        Assert.That(WindowsOf(olmo with { Layers = 6 }), Is.EqualTo(windows));
        Assert.That(WindowsOf(olmo with { Layers = 2 }), Is.EqualTo(windows[..2]));
        Assert.That(WindowsOf(olmo with { Layers = 64 }), Has.Exactly(16).Null.And.Exactly(64).Items);
        ModelConfig changed = olmo with { RopeTheta = 7, RotatedPart = 0.5, RopeScaling = new LinearRopeScaling(2) };
        Assert.That(changed.RopeTables, Is.EqualTo((RopeConfig[])[new(7, new UnscaledRope(), 0.5), new(7, new LinearRopeScaling(2), 0.5)]));
        Assert.That(olmo.RopeTables.Select(rope => rope.Theta), Is.EqualTo((double[])[500000, 500000]));
    }

    private static IEnumerable<int?> WindowsOf(ModelConfig config) => config.LayerConfigs.Select(layer => layer.Window);

    [TestCase("""{"architectures":["GemmaForCausalLM"]}""",
        "'GemmaForCausalLM'", "Qwen2ForCausalLM, Qwen3ForCausalLM, Qwen3MoeForCausalLM, LlamaForCausalLM, MistralForCausalLM, Phi3ForCausalLM, SmolLM3ForCausalLM")]
    [TestCase("""{"architectures":["Qwen2ForSequenceClassification"]}""", "'Qwen2ForSequenceClassification'")]
    [TestCase("""{"architectures":null,"model_type":"gemma"}""", "model_type", "'gemma'", "supported are")]
    [TestCase("""{"architectures":null,"model_type":null}""", "architectures is missing")]
    [TestCase("""{"architectures":"LlamaForCausalLM"}""", "architectures must be a list")]
    [TestCase("""{"architectures":[7]}""", "architectures must be a string")]
    [TestCase("""{"hidden_size":null}""", "hidden_size is null")]
    [TestCase("""{"rms_norm_eps":null}""", "rms_norm_eps is null")]
    [TestCase("""{"architectures":["Qwen2ForCausalLM"],"num_attention_heads":2,"num_key_value_heads":3}""", "num_key_value_heads must be from 1 to 2")]
    [TestCase("""{"rms_norm_eps":NaN}""", "rms_norm_eps must be above 0 and at most 1, found NaN")]
    [TestCase("""{"rope_theta":Infinity}""", "rope_theta", "found Infinity")]
    [TestCase("""{"rope_theta":-Infinity}""", "rope_theta", "found -Infinity")]
    [TestCase("""{"hidden_size":NaN}""", "hidden_size must be an integer, found NaN")]
    [TestCase("""{"hidden_act":NaN}""", "hidden_act must be a string, found NaN")]
    [TestCase("""{"dtype":"float16","torch_dtype":"bfloat16"}""", "dtype differs from torch_dtype: 'float16' and 'bfloat16'")]
    [TestCase("""{"torch_dtype":16}""", "torch_dtype must be a string")]
    [TestCase("""{"rope_scaling":{"rope_type":"llama3","type":"yarn"}}""", "rope_scaling.rope_type differs from rope_scaling.type: 'llama3' and 'yarn'")]
    [TestCase("""{"rope_theta":5,"rope_scaling":{"rope_theta":6}}""", "rope_scaling.rope_theta differs from rope_theta: 6 and 5")]
    [TestCase("""{"rope_scaling":{"rope_theta":5},"rope_parameters":{"rope_theta":6}}""", "rope_parameters.rope_theta differs from rope_scaling.rope_theta")]
    [TestCase("""{"rope_scaling":{"partial_rotary_factor":0.5}}""", "rope_scaling.partial_rotary_factor is not 1")]
    [TestCase("""{"rope_scaling":{"type":"default","mrope_section":[1]}}""", "rope_scaling.'mrope_section' is not known for rope_type default")]
    [TestCase("""{"rope_scaling":{"type":"linear","factor":2,"attention_factor":1.5}}""", "rope_scaling.'attention_factor' is not known for rope_type linear")]
    [TestCase("""{"rope_scaling":{"type":"linear","factor":2,"low_freq_factor":1}}""", "'low_freq_factor'")]
    [TestCase("""
        {"rope_parameters":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,
         "original_max_position_embeddings":8192,"beta_fast":32}}
        """, "rope_parameters.'beta_fast' is not known for rope_type llama3")]
    [TestCase("""
        {"rope_parameters":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4,
         "original_max_position_embeddings":8192},"original_max_position_embeddings":4096}
        """, "rope_parameters.original_max_position_embeddings differs from original_max_position_embeddings: 8192 and 4096")]
    [TestCase("""{"layer_types":["full_attention"]}""", "layer_types has 1 entries for the 3 layers")]
    [TestCase("""{"layer_types":["full_attention","linear_attention","full_attention"]}""", "layer_types has 'linear_attention'")]
    [TestCase("""{"layer_types":["full_attention","sliding_attention","full_attention"]}""", "layer_types has sliding_attention, but no sliding_window")]
    [TestCase("""{"layer_types":"full_attention"}""", "layer_types must be a list")]
    [TestCase("""{"compression_config":{"quant_method":"compressed-tensors"}}""", "compression_config.format", "float-quantized")]
    [TestCase("""{"hidden_size":0}""", "hidden_size must be from 1 to 131072")]
    [TestCase("""{"hidden_size":131073}""", "hidden_size must be from 1 to 131072")]
    [TestCase("""{"hidden_size":"64"}""", "hidden_size must be an integer")]
    [TestCase("""{"hidden_size":64.5}""", "hidden_size must be an integer")]
    [TestCase("""{"hidden_size":66}""", "head_dim is missing", "66")]
    [TestCase("""{"hidden_size":60}""", "head_dim", "15", "even")]
    [TestCase("""{"hidden_size":4096}""", "head_dim", "1024", "512")]
    [TestCase("""{"head_dim":15}""", "head_dim", "even")]
    [TestCase("""{"head_dim":514}""", "head_dim must be from 2 to 512")]
    [TestCase("""{"num_hidden_layers":-1}""", "num_hidden_layers must be from 1 to 1024")]
    [TestCase("""{"num_hidden_layers":1025}""", "num_hidden_layers must be from 1 to 1024")]
    [TestCase("""{"num_hidden_layers":99999999999999999999}""", "num_hidden_layers must be an integer")]
    [TestCase("""{"num_attention_heads":0}""", "num_attention_heads")]
    [TestCase("""{"num_attention_heads":true}""", "num_attention_heads must be an integer")]
    [TestCase("""{"num_key_value_heads":3}""", "num_key_value_heads", "does not divide the 4")]
    [TestCase("""{"num_key_value_heads":8}""", "num_key_value_heads must be from 1 to 4")]
    [TestCase("""{"num_key_value_heads":0}""", "num_key_value_heads must be from 1 to 4")]
    [TestCase("""{"intermediate_size":[]}""", "intermediate_size must be an integer, found a list")]
    [TestCase("""{"vocab_size":4194305}""", "vocab_size must be from 1 to 4194304")]
    [TestCase("""{"max_position_embeddings":0}""", "max_position_embeddings")]
    [TestCase("""{"tie_word_embeddings":1}""", "tie_word_embeddings must be true or false")]
    [TestCase("""{"attention_bias":"yes"}""", "attention_bias must be true or false")]
    [TestCase("""{"mlp_bias":true}""", "mlp_bias")]
    [TestCase("""{"hidden_act":"gelu"}""", "hidden_act", "'gelu'", "silu")]
    [TestCase("""{"hidden_act":3}""", "hidden_act must be a string")]
    [TestCase("""{"rms_norm_eps":0}""", "rms_norm_eps must be above 0")]
    [TestCase("""{"rms_norm_eps":-1e-6}""", "rms_norm_eps must be above 0")]
    [TestCase("""{"rms_norm_eps":1e999}""", "rms_norm_eps")]
    [TestCase("""{"rope_theta":0}""", "rope_theta must be above 0")]
    [TestCase("""{"rope_theta":1e999}""", "rope_theta")]
    [TestCase("""{"rope_theta":"1e4"}""", "rope_theta must be a number")]
    [TestCase("""{"rope_theta":1,"rope_parameters":{"rope_theta":2}}""", "rope_theta differs")]
    [TestCase("""{"partial_rotary_factor":0.5}""", "partial_rotary_factor")]
    [TestCase("""{"rope_parameters":{"partial_rotary_factor":0.5}}""", "rope_parameters.partial_rotary_factor")]
    [TestCase("""{"rope_parameters":{"full_attention":{"rope_type":"default"}}}""", "'full_attention'")]
    [TestCase("""{"rope_parameters":3}""", "rope_parameters must be an object")]
    [TestCase("""{"rope_scaling":{"type":"dynamic","factor":4}}""", "rope_scaling.type is 'dynamic'")]
    [TestCase("""{"rope_scaling":{"type":"yarn","factor":0.5}}""", "rope_scaling.factor")]
    [TestCase("""{"rope_scaling":{"type":"yarn","beta_fast":1,"beta_slow":2}}""", "rope_scaling.beta_slow is 2, above the 1 of beta_fast")]
    [TestCase("""{"rope_scaling":{"type":"yarn","beta_slow":1e-300}}""", "rope_scaling.beta_slow")]
    [TestCase("""{"rope_theta":1,"rope_scaling":{"type":"yarn","factor":4}}""", "rope_theta must be above 1")]
    [TestCase("""{"rope_scaling":{"type":"longrope","original_max_position_embeddings":1}}""", "original_max_position_embeddings is 1")]
    [TestCase("""{"rope_scaling":{"type":"yarn","attention_factor":1.1,"attn_factor":0.9}}""", "rope_scaling.attn_factor")]
    [TestCase("""{"rope_scaling":{"rope_type":"dynamic","factor":4}}""", "'dynamic'")]
    [TestCase("""{"rope_scaling":{"type":"longrope"}}""", "original_max_position_embeddings is missing")]
    [TestCase("""{"rope_scaling":{"type":"longrope","original_max_position_embeddings":8,"short_factor":[1],"long_factor":[1]}}""", "rope_scaling.short_factor has 1 numbers")]
    [TestCase("""{"architectures":["SmolLM3ForCausalLM"],"no_rope_layers":[1]}""", "no_rope_layers has 1 entries")]
    [TestCase("""{"architectures":["SmolLM3ForCausalLM"],"no_rope_layers":[2]}""", "no_rope_layers must be from 0 to 1")]
    [TestCase("""{"architectures":["Phi3ForCausalLM"],"partial_rotary_factor":0.01}""", "partial_rotary_factor is 0.01")]
    [TestCase("""{"rope_scaling":{"type":"su"}}""", "'su'")]
    [TestCase("""{"rope_scaling":{"factor":4}}""", "rope_scaling.factor", "no rope_type")]
    [TestCase("""{"rope_scaling":{"type":"linear"}}""", "rope_scaling.factor is missing")]
    [TestCase("""{"rope_scaling":{"type":"linear","factor":0}}""", "rope_scaling.factor must be at least 1")]
    [TestCase("""
        {"rope_scaling":{"rope_type":"llama3","factor":8,
         "low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":8}}
        """, "rope_scaling.high_freq_factor must be above 4")]
    [TestCase("""{"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":1,"high_freq_factor":4}}""",
        "rope_scaling.original_max_position_embeddings is missing")]
    [TestCase("""{"rope_scaling":{"type":"linear","factor":2},"rope_parameters":{"rope_type":"linear","factor":4}}""",
        "rope_scaling differs")]
    [TestCase("""{"quantization_config":{"quant_method":"gptq","bits":4}}""", "quantization_config", "'gptq'")]
    [TestCase("""{"quantization_config":{}}""", "quantization_config", "unnamed")]
    [TestCase("""{"bos_token_id":384}""", "bos_token_id must be from 0 to 383")]
    [TestCase("""{"eos_token_id":-1}""", "eos_token_id must be from 0 to 383")]
    [TestCase("""{"eos_token_id":[1,384]}""", "eos_token_id must be from 0 to 383")]
    [TestCase("""{"eos_token_id":[[1]]}""", "eos_token_id must be an integer")]
    [TestCase("""{"eos_token_id":"</s>"}""", "eos_token_id must be an integer")]
    public void What_cannot_be_right_is_refused(string changes, params string[] expected)
    {
        ModelFileException e = Assert.Throws<ModelFileException>(() => Load(changes))!;
        Assert.That(e.Message, Does.StartWith(_folder.File("config.json") + ": "));
        foreach (string part in expected)
            Assert.That(e.Message, Does.Contain(part));
    }

    [TestCase("", "broken")]
    [TestCase("[]", "one JSON object")]
    [TestCase("{\"vocab_size\":1,\"vocab_size\":2}", "uplicate")]
    [TestCase("{NaN:1}", "broken JSON at line 1, column 2")]
    [TestCase("{\"hidden_act\":\"\\ud800\"}", "architectures is missing")]
    [TestCase("{\"architectures\":[\"\\ud800\"]}", "architectures is not valid Unicode")]
    public void Broken_json_is_refused(string text, string expected)
    {
        string file = _folder.Write("config.json", text);
        Assert.That(Assert.Throws<ModelFileException>(() => ModelConfig.Load(file)).Message, Does.Contain(expected));
    }

    [Test]
    public void Broken_utf8_is_refused()
    {
        string file = _folder.Write("config.json", [.. "{\"hidden_act\":\""u8, 0xff, .. "\"}"u8]);
        Assert.That(Assert.Throws<ModelFileException>(() => ModelConfig.Load(file)).Message, Does.Contain("not UTF-8"));
    }

    [Test]
    public void A_byte_order_mark_is_accepted() =>
        Assert.That(ModelConfig.Load(_folder.Write("config.json", '\uFEFF' + Llama)).Layers, Is.EqualTo(3));

    [Test]
    public void Unscaled_and_linear_frequencies_follow_the_formula()
    {
        double[] plain = Frequencies("""{"rope_theta":10000}""");
        Assert.That(plain, Is.EqualTo([1, Math.Pow(10, -0.5), 0.1, Math.Pow(10, -1.5), 0.01, Math.Pow(10, -2.5), 0.001,
            Math.Pow(10, -3.5)]).Within(1e-14).Percent);
        double[] linear = Frequencies("""{"rope_scaling":{"type":"linear","factor":4}}""");
        Assert.That(linear, Is.EqualTo(plain.Select(f => f / 4)));
    }

    /// <summary>Llama 3.1 8B's settings; values from Meta's formula, written anew in Python with wavelengths compared
    /// as Meta does. Elements 0 to 28 stay, 35 to 63 are divided by 8, those between are interpolated.</summary>
    [TestCase(0, 1.0)]
    [TestCase(1, 0.8146172338565447)]
    [TestCase(28, 0.003211445994752591)]
    [TestCase(29, 0.002166570763503359)]
    [TestCase(30, 0.0013718935677611381)]
    [TestCase(32, 0.0005248461609929547)]
    [TestCase(34, 0.0001785078127679964)]
    [TestCase(35, 9.556212353964683e-05)]
    [TestCase(36, 7.78465527393245e-05)]
    [TestCase(63, 3.068925988914511e-07)]
    public void Llama3_frequencies_follow_the_published_formula(int index, double expected)
    {
        double[] frequencies = Frequencies("""
            {"hidden_size":4096,"num_attention_heads":32,"rope_theta":500000.0,
             "rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
                             "original_max_position_embeddings":8192}}
            """);
        Assert.That(frequencies, Has.Length.EqualTo(64));
        Assert.That(frequencies[index], Is.EqualTo(expected).Within(1e-11).Percent);
    }

    private double[] Frequencies(string changes)
    {
        ModelConfig config = Load(changes);
        return config.Rope.InverseFrequencies(config.HeadDim);
    }

    /// <summary>The Llama file above with members replaced or added.</summary>
    private ModelConfig Load(string changes)
    {
        JsonObject config = JsonNode.Parse(Llama)!.AsObject();
        const string Quoted = "\"QUOTED "; // numbers that the parser of this test does not know
        string known = Regex.Replace(changes, @":(NaN|-?Infinity)\b", $":{Quoted}$1\"");
        foreach ((string key, JsonNode? value) in JsonNode.Parse(known)!.AsObject())
            config[key] = value?.DeepClone();
        return LoadOnly(Regex.Replace(config.ToJsonString(), $"{Quoted}(.*?)\"", "$1"));
    }

    private ModelConfig LoadOnly(string text) => ModelConfig.Load(_folder.Write("config.json", text));
}
