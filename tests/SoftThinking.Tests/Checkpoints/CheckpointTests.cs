using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

internal sealed class CheckpointTests
{
    private const string Index = "model.safetensors.index.json";

    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder()
    {
        _folder = new TempFolder();
        File.Copy(Path.Combine(TestData.TinyReasoner, "config.json"), _folder.File("config.json"));
    }

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private static IEnumerable<string> RealCheckpoints() =>
        [TestData.TinyReasoner, .. Directory.GetDirectories(TestData.FindGolden("forward")!).Order()];

    [TestCaseSource(nameof(RealCheckpoints))]
    public void A_real_checkpoint_has_every_tensor_its_configuration_implies(string directory)
    {
        using Checkpoint checkpoint = Checkpoint.Open(directory);
        ModelConfig config = checkpoint.Config;
        HashSet<string> unused = [.. checkpoint.Names];
        long bytes = 0;
        void Expect(string name, params int[] shape)
        {
            Tensor tensor = checkpoint.Get(name, shape);
            Assert.That(tensor.Dtype, Is.EqualTo(TensorDtype.BF16));
            Assert.That(tensor.Bytes, Is.EqualTo(2L * shape.Aggregate(1, (a, b) => a * b)));
            Assert.That(unused.Remove(name));
            bytes += tensor.Bytes;
        }

        (int hidden, int ffn) = (config.HiddenSize, config.FfnSize);
        (int queries, int keys) = (config.Heads * config.HeadDim, config.KvHeads * config.HeadDim);
        Expect("model.embed_tokens.weight", config.VocabularySize, hidden);
        Expect("model.norm.weight", hidden);
        if (!config.TieWordEmbeddings)
            Expect("lm_head.weight", config.VocabularySize, hidden);
        for (int layer = 0; layer < config.Layers; layer++)
        {
            string at = $"model.layers.{layer}.";
            Expect(at + "input_layernorm.weight", hidden);
            Expect(at + "post_attention_layernorm.weight", hidden);
            Expect(at + "mlp.gate_proj.weight", ffn, hidden);
            Expect(at + "mlp.up_proj.weight", ffn, hidden);
            Expect(at + "mlp.down_proj.weight", hidden, ffn);
            Expect(at + "self_attn.o_proj.weight", hidden, queries);
            foreach ((string part, int rows) in new[] { ("q", queries), ("k", keys), ("v", keys) })
            {
                Expect($"{at}self_attn.{part}_proj.weight", rows, hidden);
                if (config.QkvBias)
                    Expect($"{at}self_attn.{part}_proj.bias", rows);
                if (config.QkNorm && part != "v")
                    Expect($"{at}self_attn.{part}_norm.weight", config.HeadDim);
            }
        }
        Assert.That(unused, Is.Empty);
        Assert.That(checkpoint.TotalBytes, Is.EqualTo(bytes));
        Assert.That(checkpoint.Directory, Is.EqualTo(directory));
    }

    [Test]
    public void A_single_file_opens_with_the_configuration_beside_it()
    {
        string file = _folder.Write("other.safetensors", new SafetensorsWriter().Add("w", [2], 1f, 2f).ToBytes());
        using Checkpoint checkpoint = Checkpoint.Open(file);
        Assert.That(checkpoint.Has("w"));
        Assert.That(checkpoint.Has("v"), Is.False);
        Assert.That(checkpoint.Directory, Is.EqualTo(_folder.Path));
        Assert.That(checkpoint.Config.HiddenSize, Is.EqualTo(192));
        File.Delete(_folder.File("config.json"));
        AssertRefused(() => Checkpoint.Open(file), _folder.File("config.json"), "does not exist");
    }

    [Test]
    public void Shards_are_one_checkpoint()
    {
        WriteShards();
        using Checkpoint checkpoint = Checkpoint.Open(_folder.Path);
        Assert.That(checkpoint.Names, Is.EquivalentTo(["a", "b", "c"]));
        Assert.That(checkpoint.TotalBytes, Is.EqualTo(8 + 4 + 2));
        Assert.That(ReadFloats(checkpoint.Get("a", [2])), Is.EqualTo([1f, 2f]));
        Assert.That(ReadFloats(checkpoint.Get("b", [1, 1])), Is.EqualTo([3f]));
        Assert.That(checkpoint.Get("c", [1]).Dtype, Is.EqualTo(TensorDtype.F16));
    }

    [Test]
    public void A_tensor_of_an_unlisted_kind_is_refused_when_asked_for()
    {
        byte[] bytes = new SafetensorsWriter()
            .Add("w", [1, 2], 1f, 2f)
            .Add("q", "F8_E4M3", [2], [1, 2])
            .Add("d", "F64", [1], new byte[8])
            .ToBytes();
        string file = _folder.Write("model.safetensors", bytes);
        using Checkpoint checkpoint = Checkpoint.Open(_folder.Path);
        AssertRefused(() => checkpoint.Get("q", [2]), file, "'q'", "F8_E4M3");
        AssertRefused(() => checkpoint.Get("d", [1]), file, "'d'", "F64");
        AssertRefused(() => checkpoint.Get("absent", [2]), file, "'absent'", "missing");
        AssertRefused(() => checkpoint.Get("w", [2, 1]), file, "'w'", "[2, 1], found [1, 2]");
        AssertRefused(() => checkpoint.Get("w", [2]), file, "'w'", "[2], found [1, 2]");
        AssertRefused(() => checkpoint.Get("w", []), file, "'w'", "[], found [1, 2]");
        Assert.That(checkpoint.Get("w", [1, 2]).Bytes, Is.EqualTo(8));
        checkpoint.Dispose();
        Assert.Throws<ObjectDisposedException>(() => checkpoint.Get("w", [1, 2]));
    }

    [TestCase("../one.safetensors")]
    [TestCase("..\\\\one.safetensors")]
    [TestCase("/etc/one.safetensors")]
    [TestCase("C:one.safetensors")]
    [TestCase("sub/one.safetensors")]
    [TestCase("one.safetensors\\u0000")]
    [TestCase("one\\u0000.safetensors")]
    [TestCase("..")]
    [TestCase("")]
    [TestCase("config.json")]
    public void A_shard_outside_the_directory_is_refused(string shard)
    {
        WriteShards();
        _folder.Write(Index, $$$"""{"weight_map":{"a":"{{{shard}}}"}}""");
        AssertRefused(() => Checkpoint.Open(_folder.Path), _folder.File(Index), "weight_map.'a'", "directory");
    }

    [TestCase("""{}""", "weight_map is missing")]
    [TestCase("""{"weight_map":{}}""", "weight_map is empty")]
    [TestCase("""{"weight_map":[]}""", "weight_map must be an object")]
    [TestCase("""{"weight_map":{"a":1}}""", "'a' must be a string")]
    [TestCase("""{"weight_map":{"a":null}}""", "'a' must be a string")]
    [TestCase("""{"weight_map":{"a":"\ud800"}}""", "'a' is not valid Unicode")]
    [TestCase("""{"weight_map":{"\ud800":"one.safetensors"}}""", "broken")]
    [TestCase("""{"weight_map":{"a":"one.safetensors","a":"two.safetensors"}}""", "uplicate")]
    [TestCase("""{"weight_map":""", "broken")]
    [TestCase("""[]""", "one JSON object")]
    public void A_broken_index_is_refused(string index, string expected)
    {
        WriteShards();
        _folder.Write(Index, index);
        AssertRefused(() => Checkpoint.Open(_folder.Path), _folder.File(Index), expected);
    }

    [Test]
    public void An_index_that_contradicts_its_shards_is_refused()
    {
        WriteShards();
        _folder.Write(Index, """{"weight_map":{"a":"one.safetensors","b":"one.safetensors"}}""");
        AssertRefused(() => Checkpoint.Open(_folder.Path), _folder.File("one.safetensors"), "'b'", "missing");
        _folder.Write(Index, """{"weight_map":{"a":"one.safetensors","b":"three.safetensors"}}""");
        AssertRefused(() => Checkpoint.Open(_folder.Path), _folder.File("three.safetensors"), "does not exist");
        _folder.Write("two.safetensors", new SafetensorsWriter().Add("b", [1], 3f).Add("a", [1], 3f).ToBytes());
        _folder.Write(Index, """{"weight_map":{"a":"one.safetensors","b":"two.safetensors"}}""");
        AssertRefused(
            () => Checkpoint.Open(_folder.Path), _folder.File("two.safetensors"), "'a'", "also in one.safetensors");
    }

    [Test]
    public void A_linked_shard_is_followed()
    {
        if (OperatingSystem.IsWindows())
            Assert.Ignore("links need a privilege on Windows");
        WriteShards();
        using TempFolder elsewhere = new();
        File.Move(_folder.File("one.safetensors"), elsewhere.File("blob"));
        File.CreateSymbolicLink(_folder.File("one.safetensors"), elsewhere.File("blob"));
        using Checkpoint checkpoint = Checkpoint.Open(_folder.Path);
        Assert.That(ReadFloats(checkpoint.Get("a", [2])), Is.EqualTo([1f, 2f]));
    }

    [Test]
    public void A_path_that_is_no_checkpoint_is_refused()
    {
        AssertRefused(() => Checkpoint.Open(_folder.Path), _folder.Path, "neither model.safetensors nor");
        AssertRefused(
            () => Checkpoint.Open(_folder.File("absent")), _folder.File("absent"), "does not exist; nothing is downloaded", "pass a directory");
        AssertRefused(() => Checkpoint.Open(_folder.File("config.json")), _folder.File("config.json"), "neither a directory");
        AssertRefused(() => Checkpoint.Open(""), "", "is empty");
        AssertRefused(
            () => Checkpoint.Open(_folder.File("x.safetensors")), _folder.File("x.safetensors"), "does not exist");
    }

    [TestCase("Qwen/Qwen3-8B")]
    [TestCase("deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B")]
    public void A_name_on_a_hub_is_answered_with_what_to_do(string id) => AssertRefused(
        () => Checkpoint.Open(id), id, "does not exist; nothing is downloaded", $"`hf download {id} --local-dir {id.Split('/')[1]}`");

    private void WriteShards()
    {
        _folder.Write("one.safetensors", new SafetensorsWriter().Add("a", [2], 1f, 2f).ToBytes());
        _folder.Write("two.safetensors", new SafetensorsWriter().Add("b", [1, 1], 3f).Add("c", [1], (Half)4).ToBytes());
        _folder.Write(Index, """
            {"metadata":{"total_size":14},
             "weight_map":{"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"}}
            """);
    }

    private static unsafe float[] ReadFloats(Tensor tensor) =>
        new ReadOnlySpan<float>((float*)tensor.Data, (int)(tensor.Bytes / sizeof(float))).ToArray();

    private static void AssertRefused(Action action, string file, params string[] expected)
    {
        ModelFileException e = Assert.Throws<ModelFileException>(() => action())!;
        Assert.That(e.File, Is.EqualTo(file));
        foreach (string part in expected)
            Assert.That(e.Message, Does.Contain(part));
    }
}
