using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests;

/// <summary>An engine whose model several devices of this process share.</summary>
public class SharedModelTests
{
    private static readonly TempFolder Folder = new();
    private static readonly Lazy<string> Model = new(() => EightHeads.Write(Folder.Path));

    [OneTimeTearDown]
    public void DeleteFolder() => Folder.Dispose();

    [Test]
    public async Task AnswersHaveTheBitsOfOneDevice([Values(2, 4, 8)] int ranks)
    {
        string[] one = await AnswerAsync(1, WeightFormat.Stored);
        Assert.That(await AnswerAsync(ranks, WeightFormat.Stored), Is.EqualTo(one));
    }

    [Test]
    public async Task AnswersOfInt8WeightsHaveTheBitsOfOneDevice() =>
        Assert.That(await AnswerAsync(2, WeightFormat.Int8), Is.EqualTo(await AnswerAsync(1, WeightFormat.Int8)));

    /// <summary>Three ranks do not hold subtrees of eight parts: the bits are others, but the model thinks as well.</summary>
    [Test]
    public async Task ThreeRanksThinkAsWell()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { TensorParallel = 3, Threads = 3 });
        GenerationRequest request = Problems.Ask(engine, "What is 17 + 25?", new() { Seed = 3 });
        GeneratedSample alone = (await engine.GenerateAsync(request)).Samples[0];
        Assert.That(alone.Answer, Does.Contain("42"));
        GenerationResult[] together = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => engine.GenerateAsync(request)));
        Assert.That(together.Select(result => Bits.Of(result.Samples[0])), Is.All.EqualTo(Bits.Of(alone)));
    }

    [Test]
    public void AModelThatCannotBeDividedIsRefused([Values(2, 4, 64)] int ranks) =>
        Assert.That(() => Engine.Load(TestData.TinyReasoner, new EngineOptions { TensorParallel = ranks }),
            Throws.ArgumentException.With.Message.EqualTo(
                $"this model cannot be divided among {ranks} devices, because it has 3 attention heads; possible are 3"));

    [Test]
    public void RanksThatDoNotFitAreRefusedBeforeTheyAreLoaded() =>
        Assert.That(() => Engine.Load(Model.Value, new EngineOptions { TensorParallel = 4, KvCacheBytes = 1L << 50 }),
            Throws.TypeOf<InsufficientMemoryException>());

    /// <summary>A rank that fails ends the requests with its name and the cause, and nothing hangs.</summary>
    [Test]
    public async Task ARankThatFailsEndsTheRequests()
    {
        await using Engine engine = Engine.Load(Model.Value, new EngineOptions { TensorParallel = 2, Threads = 2 });
        Task<GenerationResult> running = engine.GenerateAsync(Endless(engine));
        Assert.That(running.IsCompleted, Is.False);
        engine.Model.Followers!.Send([]); // no rank can read it
        Assert.That(async () => await running.WaitAsync(TimeSpan.FromSeconds(30)),
            Throws.TypeOf<GenerationException>().With.Message.Contains("rank 1 of 2: "));
        Assert.That(async () => await engine.GenerateAsync(Endless(engine)), Throws.TypeOf<GenerationException>());
    }

    [Test]
    public async Task AnEngineIsDisposedInTheMiddleOfAStep()
    {
        for (int trial = 0; trial < 5; trial++)
        {
            Engine engine = Engine.Load(Model.Value, new EngineOptions { TensorParallel = 2, Threads = 2 });
            Task<GenerationResult> running = engine.GenerateAsync(Endless(engine));
            await Task.Delay(trial);
            await engine.DisposeAsync();
            Assert.That(async () => await running, Throws.InstanceOf<ObjectDisposedException>());
        }
    }

    [Test]
    public async Task LoadingTellsItsProgressOnce()
    {
        List<double> progress = [];
        await using Engine engine = Engine.Load(Model.Value, new EngineOptions { TensorParallel = 2, LoadProgress = progress.Add });
        Assert.That(progress, Is.Ordered.And.All.InRange(0, 1));
        Assert.That(progress[^1], Is.GreaterThan(0.9));
    }

    /// <summary>Collectives are operations of the profile: one all_sum for the embedding and two for each layer, one all_gather of the logits.</summary>
    [Test]
    public async Task TheProfileHasTheCollectives()
    {
        await using Engine engine = Engine.Load(Model.Value, new EngineOptions { TensorParallel = 2, Profile = true });
        await engine.GenerateAsync(Problems.Ask(engine, "What is 17 + 25?", new()));
        StepProfile decode = engine.TakeProfile().Single(step => step.Decodes);
        ModelConfig config = engine.Config;
        OperationProfile sum = decode.Operations.Single(operation => operation.Name == $"all_sum 1 x {config.HiddenSize}");
        OperationProfile gather = decode.Operations.Single(operation => operation.Name == $"all_gather 1 x {config.VocabularySize}");
        Assert.Multiple(() =>
        {
            Assert.That(sum.Calls, Is.EqualTo(decode.Steps * (2 * config.Layers + 1)));
            Assert.That(gather.Calls, Is.EqualTo(decode.Steps));
            Assert.That(sum.Bytes, Is.EqualTo(sum.Calls * 4 * config.HiddenSize), "received from the other rank");
        });
    }

    private static GenerationRequest Endless(Engine engine) =>
        Problems.Ask(engine, "What is 1 + 1?", new()) with { IgnoreEndOfText = true, MaxNewTokens = 900 };

    private static async Task<string[]> AnswerAsync(int ranks, WeightFormat weights)
    {
        await using Engine engine = Engine.Load(Model.Value, new EngineOptions { TensorParallel = ranks, Threads = 2, Weights = weights });
        GenerationResult result = await engine.GenerateAsync(
            Problems.Ask(engine, "What is 47 + 85 - 19?", new SamplingOptions { RepetitionPenalty = 1.05f, Strategy = new GumbelStrategy(), Seed = 7 }) with
            {
                LogProbs = 3,
                Samples = 2,
            });
        return [.. result.Samples.SelectMany(Bits.Of)];
    }
}
