using NUnit.Framework;
using SoftThinking.Diagnostics;
using SoftThinking.Interop;
using SoftThinking.Tests.Golden;

namespace SoftThinking.Tests;

/// <summary>What a model gives the tokens of a sequence afterwards is what it gave them when it generated them, bit for bit.</summary>
public class ReplayTests
{
    private static IEnumerable<TestCaseData> Rollouts() =>
        from name in ReplayBits.OfEachStrategy
        from kv in Enum.GetValues<KvDtype>()
        from device in TestDevice.All
        where device == TestDevice.Cpu || kv == KvDtype.Bf16 // the emulated device is slow, and no strategy knows the cache
        select new TestCaseData(name, kv, device);

    [TestCaseSource(nameof(Rollouts))]
    public async Task ReplayHasTheBitsOfTheRecord(string name, KvDtype kv, TestDevice device)
    {
        using GoldenRollout rollout = new(name);
        EngineOptions options = device.Options() with { KvDtype = kv, MaxSequences = 3, MaxTopk = 1024, StepTokens = 256 };
        await using Engine engine = Engine.Load(rollout.Model, options);
        GenerationRequest request = rollout.Request(engine, maxNewTokens: device == TestDevice.Cpu ? 50 : 30);
        IReadOnlyList<GeneratedToken> recorded = (await engine.GenerateAsync(request)).Samples[0].Tokens;
        Assert.That(recorded.Any(token => token.Record!.Mixed), Is.True);
        ScoreRequest scored = ScoreRequest.Of(request, recorded);
        ReplayBits.AreThoseOf(recorded, await engine.ScoreAsync(scored), "with the rollout's blocks in the prefix cache");

        // In small pieces, beside the rollout and another replay.
        await using Engine busy = Engine.Load(rollout.Model, options with { StepTokens = 7 });
        Task<GenerationResult> other = busy.GenerateAsync(request);
        Task<ReplayScores>[] replays = [busy.ScoreAsync(scored), busy.ScoreAsync(scored)];
        foreach (ReplayScores scores in await Task.WhenAll(replays))
            ReplayBits.AreThoseOf(recorded, scores, "in company");
        Assert.That((await other).Samples[0].Tokens.Select(token => token.Token).SequenceEqual(scored.Tokens), Is.True, "the rollout beside them");
    }

    /// <summary>As on a GPU, where activations are bf16.</summary>
    [Test]
    public async Task ReplayHasTheBitsOfTheRecordWithHalvesAsActivations([Values] KvDtype kv)
    {
        using GoldenRollout rollout = new("rollouts/latent-grpo-qwen3.safetensors");
        await using Engine engine = Engine.Load(rollout.Model,
            TestDevice.Kernels.Options(activations: NativeDtype.Bf16) with { KvDtype = kv, MaxSequences = 3, MaxTopk = 1024, StepTokens = 20 });
        GenerationRequest request = rollout.Request(engine, maxNewTokens: 40);
        IReadOnlyList<GeneratedToken> recorded = (await engine.GenerateAsync(request)).Samples[0].Tokens;
        ReplayBits.AreThoseOf(recorded, await engine.ScoreAsync(ScoreRequest.Of(request, recorded)), "bf16");
    }

    /// <summary>The ranks compute a part of the logits each.</summary>
    [Test]
    public async Task SeveralDevicesReturnTheBitsOfOne()
    {
        using GoldenRollout rollout = new("rollouts/multiplex-qwen2.safetensors");
        EngineOptions options = TestDevice.Cpu.Options() with { MaxSequences = 3, MaxTopk = 1024, StepTokens = 11 };
        await using Engine one = Engine.Load(rollout.Model, options), two = Engine.Load(rollout.Model, options with { TensorParallel = 2 });
        ScoreRequest request = rollout.Scores();
        Assert.That(ReplayBits.Same(await two.ScoreAsync(request), await one.ScoreAsync(request)), Is.True);
    }

    /// <summary>More ids than a step has room for, at few and at many positions.</summary>
    [Test]
    public async Task AnyNumberOfIdsIsScored([ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice device)
    {
        using GoldenRollout rollout = new("rollouts/multiplex-qwen2.safetensors");
        await using Engine engine = Engine.Load(rollout.Model, device.Options() with { MaxSequences = 4, MaxTopk = 1024, StepTokens = 64 });
        int vocabulary = engine.Config.VocabularySize;
        ScoreRequest plain = rollout.Scores();
        int[] all = [.. Enumerable.Range(0, vocabulary)];
        int[] many = [.. Enumerable.Range(0, 200_000).Select(i => i * 7 % vocabulary)];
        ScoreRequest more = plain with { Ids = [.. plain.Tokens.Select((_, step) => step == 3 ? many : step % 2 == 0 ? all : [])] };
        ReplayScores few = await engine.ScoreAsync(plain), scores = await engine.ScoreAsync(more);
        Assert.That(ReplayBits.Same(new([.. scores.Steps.Select(step => step with { IdsLogP1 = [], IdsLogPt = [] })]), few), Is.True);
        for (int step = 0; step < scores.Steps.Count; step++)
        {
            StepScores got = scores.Steps[step];
            Assert.That((got.IdsLogP1.Count, got.IdsLogPt.Count), Is.EqualTo((more.Ids![step].Count, more.Ids[step].Count)));
            if (more.Ids[step].Count == 0)
                continue;
            float[] p1 = [.. got.IdsLogP1.Take(vocabulary)];
            Assert.That(got.IdsLogPt.Take(vocabulary).Sum(value => Math.Exp(value)), Is.EqualTo(1).Within(1e-4), $"step {step}");
            Assert.That(p1.Sum(value => Math.Exp(value)), Is.EqualTo(1).Within(1e-4), $"step {step}");
            if (step == 3)
                Assert.That(got.IdsLogP1.Where((value, i) => value != p1[i % vocabulary]), Is.Empty, "ids that repeat");
            else
                Assert.That(p1[plain.Tokens[step].Token], Is.EqualTo(got.TokenLogP1));
        }
    }

    /// <summary>A T of 0 counts as 1, and every step has its own.</summary>
    [Test]
    public async Task EveryStepHasItsTemperature()
    {
        using GoldenRollout rollout = new("rollouts/multiplex-qwen2.safetensors");
        await using Engine engine = Engine.Load(rollout.Model, TestDevice.Cpu.Options() with { MaxTopk = 1024 });
        int[] all = [.. Enumerable.Range(0, engine.Config.VocabularySize)];
        ScoreRequest request = rollout.Scores() with { Ids = [.. rollout.Scores().Tokens.Select(_ => all)] };
        float[] temperatures = [.. request.Tokens.Select((_, step) => step % 3 * 0.7f)];
        ReplayScores scores = await engine.ScoreAsync(request with { Temperatures = temperatures });
        for (int step = 0; step < scores.Steps.Count; step++)
        {
            double t = temperatures[step] == 0 ? 1 : temperatures[step];
            double[] scaled = [.. scores.Steps[step].IdsLogP1.Select(value => value / t)];
            double lse = Math.Log(scaled.Sum(Math.Exp));
            for (int i = 0; i < all.Length; i++)
                Assert.That(scores.Steps[step].IdsLogPt[i], Is.EqualTo(scaled[i] - lse).Within(1e-4), $"step {step}, id {i}");
        }
    }

    /// <summary>With so few blocks, sequences release theirs while they are scored, and are computed again.</summary>
    [Test]
    public async Task PreemptionsChangeNoBit()
    {
        using GoldenRollout rollout = new("rollouts/latent-grpo-qwen3.safetensors");
        EngineOptions options = TestDevice.Cpu.Options() with { MaxTopk = 1024, MaxSequences = 6, StepTokens = 10 };
        await using Engine roomy = Engine.Load(rollout.Model, options with { PrefixCache = false });
        GenerationRequest request = rollout.Request(roomy, maxNewTokens: 50);
        IReadOnlyList<GeneratedToken> recorded = (await roomy.GenerateAsync(request)).Samples[0].Tokens;
        ScoreRequest scored = ScoreRequest.Of(request, recorded);
        ReplayScores expected = await roomy.ScoreAsync(scored);
        int positions = rollout.Scores().Tokens.Count + 200;
        long blocks = 8 + positions / 64;
        await using Engine tight = Engine.Load(rollout.Model,
            options with { KvCacheBytes = blocks * 16 * ModelInspection.Read(rollout.Model).KvBytesPerToken });
        Task<GenerationResult>[] others = [.. Enumerable.Range(0, 6).Select(i => tight.GenerateAsync(request with { Sampling = request.Sampling with { Seed = (ulong)i } }))];
        Task<ReplayScores>[] replays = [.. Enumerable.Range(0, 6).Select(_ => tight.ScoreAsync(scored))];
        foreach (ReplayScores scores in await Task.WhenAll(replays))
            Assert.That(ReplayBits.Same(scores, expected), Is.True);
        await Task.WhenAll(others);
        Assert.That(tight.Statistics.Preemptions, Is.GreaterThan(0));
        Assert.That((tight.Statistics.Running, tight.Statistics.Waiting, tight.Statistics.BlocksUsed), Is.EqualTo((0, 0, 0)));
    }

    [Test]
    public async Task ACancelledReplayLeavesNothing()
    {
        using GoldenRollout rollout = new("rollouts/multiplex-qwen2.safetensors");
        await using Engine engine = Engine.Load(rollout.Model, TestDevice.Cpu.Options() with { MaxTopk = 1024, StepTokens = 8, MaxSequences = 2 });
        using CancellationTokenSource source = new();
        await source.CancelAsync();
        Assert.That(async () => await engine.ScoreAsync(rollout.Scores(), source.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That((engine.Statistics.Running, engine.Statistics.Waiting, engine.Statistics.BlocksUsed), Is.EqualTo((0, 0, 0)));
        Assert.That((await engine.ScoreAsync(rollout.Scores())).Steps, Is.Not.Empty);
    }

    [Test]
    public async Task AnEngineThatIsDrainedOrDisposedScoresNothing()
    {
        using GoldenRollout rollout = new("rollouts/multiplex-qwen2.safetensors");
        Engine engine = Engine.Load(rollout.Model, TestDevice.Cpu.Options() with { MaxTopk = 1024 });
        Task<ReplayScores> accepted = engine.ScoreAsync(rollout.Scores());
        Task drained = engine.DrainAsync();
        Assert.That(async () => await engine.ScoreAsync(rollout.Scores()), Throws.InstanceOf<GenerationException>().Or.InstanceOf<ObjectDisposedException>());
        Assert.That((await accepted).Steps, Is.Not.Empty);
        await drained;
        await engine.DisposeAsync();
        Assert.That(async () => await engine.ScoreAsync(rollout.Scores()), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public async Task LogitsThatAreNoNumbersFailTheRequestAlone([ValueSource(typeof(TestDevice), nameof(TestDevice.All))] TestDevice device)
    {
        using PoisonedModel model = new("qwen2", 7);
        await using Engine engine = Engine.Load(model.Folder, device.Options() with { MaxSequences = 2, StepTokens = 4 });
        Task<ReplayScores> good = engine.ScoreAsync(Request(1, 2, 3, 4, 5)), bad = engine.ScoreAsync(Request(1, 2, 7, 4, 5));
        Assert.That(async () => await bad, Throws.TypeOf<GenerationException>().With.Message.StartsWith("recorded token 2: the model's logits"));
        Assert.That((await good).Steps, Has.Count.EqualTo(4));

        static ScoreRequest Request(int prompt, params int[] ids) =>
            new() { Prompt = new TokenPrompt([new(prompt)]), Tokens = [.. ids.Select(id => new ConceptToken(id))] };
    }
}
