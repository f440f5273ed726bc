using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>What the ranks hold together is the whole model, once.</summary>
public class ModelShardTests
{
    private static readonly ModelConfig Qwen7 = Shape("qwen2.5-7b"), Llama = Shape("llama-3.1-8b");

    [Test]
    public void RanksHoldEverythingOnce([Values(1, 2, 3, 4, 5, 6, 7, 8)] int ranks)
    {
        ModelConfig config = Qwen7 with { Heads = 840, KvHeads = 840, FfnSize = 1003, VocabularySize = 1237 };
        ModelShard[] shards = [.. Enumerable.Range(0, ranks).Select(r => ModelShard.Make(config, r, ranks, MatrixFormat.BF16))];
        Assert.Multiple(() =>
        {
            Covers(shards.Select(shard => shard.Heads), 840);
            Covers(shards.Select(shard => shard.KvHeads), 840);
            Covers(shards.Select(shard => shard.Ffn), 1003);
            Covers(shards.Select(shard => shard.Ids), 1237);
            Assert.That(shards.Select(shard => shard.Ffn.First % 16), Is.All.Zero, "no tile is cut");
        });
    }

    /// <summary>The columns of a rank begin where a part of the eight begins: floor(s T / 8) of T tiles.</summary>
    [Test]
    public void ShardsAreWholeParts([Values(2, 4, 8)] int ranks, [Values(16, 32, 176, 1003, 18944)] int ffn, [Values] bool blocks)
    {
        int tile = blocks ? 32 : 16, tiles = (ffn + tile - 1) / tile;
        if (tiles < ranks)
            Assert.Pass("fewer tiles than ranks: refused");
        ModelConfig config = Qwen7 with { Heads = 32, KvHeads = 8, FfnSize = ffn };
        for (int r = 0; r < ranks; r++)
            Assert.That(ModelShard.Make(config, r, ranks, blocks ? MatrixFormat.Int8 : MatrixFormat.BF16).Ffn.First, Is.EqualTo(8 * r / ranks * tiles / 8 * tile), $"rank {r}");
    }

    /// <summary>Query head h reads KV head h / (heads / KV heads), on a rank as on one device.</summary>
    [Test]
    public void EveryRankHoldsTheKvHeadsOfItsHeads([Values(1, 2, 4, 8, 16, 32)] int ranks)
    {
        int together = Llama.Heads / Llama.KvHeads;
        for (int r = 0; r < ranks; r++)
        {
            ModelShard shard = ModelShard.Make(Llama, r, ranks, MatrixFormat.BF16);
            int togetherHere = shard.Heads.Count / shard.KvHeads.Count;
            for (int h = 0; h < shard.Heads.Count; h++)
                Assert.That(shard.KvHeads.First + h / togetherHere, Is.EqualTo((shard.Heads.First + h) / together), $"rank {r}, head {h}");
        }
    }

    [TestCase(3, "because it has 28 attention heads; possible are 2, 4, 28")]
    [TestCase(7, "because it has 4 heads of keys and values; possible are 2, 4, 28")]
    [TestCase(64, "because it has 28 attention heads; possible are 2, 4, 28")]
    public void ImpossibleNumbersAreRefusedWithThePossibleOnes(int ranks, string reason) =>
        Assert.That(() => ModelShard.Make(Qwen7, 0, ranks, MatrixFormat.BF16),
            Throws.ArgumentException.With.Message.EqualTo($"this model cannot be divided among {ranks} devices, {reason}"));

    [Test]
    public void BlocksOfInt8AreNotCut()
    {
        ModelConfig config = Qwen7 with { Heads = 4, KvHeads = 2, HeadDim = 16 };
        Assert.That(() => ModelShard.Make(config, 0, 4, MatrixFormat.Int8), Throws.ArgumentException.With.Message.EqualTo(
            "this model cannot be divided among 4 devices, because 1 heads of 16 elements are not a multiple of 32, the columns of a block of 8-bit weights; possible are 2"));
        Assert.That(() => ModelShard.Make(config, 0, 4, MatrixFormat.BF16), Throws.Nothing);
    }

    private static void Covers(IEnumerable<Window> windows, int total)
    {
        int next = 0;
        foreach (Window window in windows)
        {
            Assert.That((window.First, window.Total), Is.EqualTo((next, total)));
            Assert.That(window.Count, Is.Positive);
            next += window.Count;
        }
        Assert.That(next, Is.EqualTo(total));
    }

    private static ModelConfig Shape(string name) => PublishedShapes.All.Single(shape => shape.Name == name).Config;
}
