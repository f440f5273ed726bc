using System.Text;
using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>Files with random damage either load or are refused with <see cref="ModelFileException"/>; what loads can
/// be read in full. Seeds are fixed, so that a failure repeats.</summary>
internal sealed class MutationTests
{
    private const int Mutations = 4000;

    [TestCase(1)]
    [TestCase(2, Category = "Slow")]
    [TestCase(3, Category = "Slow")]
    public void A_damaged_safetensors_file_loads_or_is_refused(int seed)
    {
        byte[] good = new SafetensorsWriter()
            .Metadata("format", "pt")
            .Add("w", [2, 2], 1f, 2f, 3f, 4f)
            .Add("h", [3], (Half)1, (Half)2, (Half)3)
            .Add("none", [0], Array.Empty<float>())
            .ToBytes();
        (int loaded, int refused) = Attack(good, seed, path =>
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            long fileLength = new FileInfo(path).Length;
            foreach ((string name, TensorInfo tensor) in file.Tensors)
            {
                Assert.That(tensor.Offset >= 8 && tensor.Offset + tensor.Length <= fileLength);
                Assert.That(file.Bytes(name).ToArray(), Has.Length.EqualTo(tensor.Length));
            }
        });
        Assert.That(loaded, Is.GreaterThan(50));
        Assert.That(refused, Is.GreaterThan(Mutations / 2));
    }

    [TestCase(1)]
    [TestCase(2, Category = "Slow")]
    public void A_damaged_config_loads_or_is_refused(int seed)
    {
        byte[] good = File.ReadAllBytes(Path.Combine(TestData.FindGolden("forward")!, "llama3-rope", "config.json"));
        (int loaded, int refused) = Attack(good, seed, path =>
        {
            ModelConfig config = ModelConfig.Load(path);
            Assert.That(config.Rope.InverseFrequencies(config.HeadDim), Has.Length.EqualTo(config.HeadDim / 2).And.All.GreaterThan(0));
            Assert.That(config.Heads % config.KvHeads, Is.Zero);
            GenerationDefaultsReader.Load(path, config);
        });
        Assert.That(loaded, Is.GreaterThan(50));
        Assert.That(refused, Is.GreaterThan(Mutations / 2));
    }

    [Test]
    public void A_damaged_index_loads_or_is_refused()
    {
        using TempFolder folder = new();
        File.Copy(Path.Combine(TestData.TinyReasoner, "config.json"), folder.File("config.json"));
        folder.Write("a.safetensors", new SafetensorsWriter().Add("w", [1], 1f).ToBytes());
        byte[] good = Encoding.UTF8.GetBytes("""{"metadata":{"total_size":4},"weight_map":{"w":"a.safetensors"}}""");
        (int loaded, int refused) = Attack(good, 1, path =>
        {
            File.Copy(path, folder.File("model.safetensors.index.json"), overwrite: true);
            using Checkpoint checkpoint = Checkpoint.Open(folder.Path);
            Assert.That(checkpoint.Get("w", [1]).Bytes, Is.EqualTo(4));
        });
        Assert.That(loaded, Is.GreaterThan(50));
        Assert.That(refused, Is.GreaterThan(Mutations / 2));
    }

    private static (int Loaded, int Refused) Attack(byte[] good, int seed, Action<string> load)
    {
        using TempFolder folder = new();
        Random random = new(seed);
        (int loaded, int refused) = (0, 0);
        for (int i = 0; i < Mutations; i++)
        {
            string path = folder.Write("x", Mutation.OfBytes(good, random));
            try
            {
                load(path);
                loaded++;
            }
            catch (ModelFileException)
            {
                refused++;
            }
            catch (Exception e) when (e is not AssertionException)
            {
                string text = Encoding.Latin1.GetString(File.ReadAllBytes(path));
                Assert.Fail($"mutation {i} of seed {seed} gave {e}\n{text}");
            }
        }
        return (loaded, refused);
    }
}
