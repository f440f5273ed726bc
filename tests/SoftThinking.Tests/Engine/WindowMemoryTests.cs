using NUnit.Framework;
using SoftThinking.Diagnostics;

namespace SoftThinking.Tests;

/// <summary>Layers with a window keep no more blocks than the window needs.</summary>
[NonParallelizable]
public class WindowMemoryTests
{
    private const int Window = 40, StepTokens = 32;

    [Test]
    public async Task AContextOfAThousandFitsIntoThePoolOfAWindow()
    {
        using CaseModel model = WindowsFrom(layer: 0);
        await using Engine engine = Engine.Load(model.Path, OptionsOf(model, blocks: 7)); // (40 + 32 + 30) / 16 is 6
        Assert.That(engine.ContextLength, Is.EqualTo(1024));
        await Generate(engine, prompt: 200, tokens: 700);
        Assert.That((engine.Statistics.BlocksUsed, engine.Statistics.Preemptions), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task LayersWithoutAWindowBoundTheContext()
    {
        using CaseModel model = WindowsFrom(layer: 3); // of 5: groups of 2, 1 without a window and 2 with
        await using Engine engine = Engine.Load(model.Path, OptionsOf(model, blocks: 40));
        // Two groups of the whole context, which three layers without a window need, and one of the window.
        Assert.That(engine.ContextLength, Is.EqualTo(16 * ((40 - 6) / 2)));
    }

    /// <summary>The same text whether blocks are released, found again, or computed anew, and however many others run.</summary>
    [Test]
    public async Task WhatIsReleasedIsNotMissed([Values(0, 3)] int layer)
    {
        using CaseModel model = WindowsFrom(layer);
        string[] expected;
        await using (Engine whole = Engine.Load(model.Path, new EngineOptions { PrefixCache = false, StepTokens = 1024, MaxSequences = 1 }))
            expected = await Generate(whole, prompt: 150, tokens: 100);
        await using Engine engine = Engine.Load(model.Path, OptionsOf(model, blocks: layer == 0 ? 14 : 80, sequences: 4));
        for (int round = 0; round < 2; round++)
        {
            string[][] samples = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Generate(engine, prompt: 150, tokens: 100)));
            Assert.That(samples, Has.All.EqualTo(expected));
        }
        GenerationResult again = await engine.GenerateAsync(Request(prompt: 150, tokens: 10));
        Assert.That(again.Samples[0].Usage.CachedTokens, Is.GreaterThanOrEqualTo(128));
    }

    private static CaseModel WindowsFrom(int layer) => CaseModel.Copy().Edit("config.json", json =>
    {
        json["use_sliding_window"] = true;
        json["sliding_window"] = Window;
        json["max_window_layers"] = layer;
    });

    private static EngineOptions OptionsOf(CaseModel model, int blocks, int sequences = 1)
    {
        ModelInspection inspection = ModelInspection.Read(model.Path);
        int layersPerBlock = inspection.Config.SlidingLayers.Length == 5 ? 5 : 2;
        return new()
        {
            KvCacheBytes = blocks * 16 * inspection.KvBytesPerToken * layersPerBlock / 5,
            StepTokens = StepTokens,
            MaxSequences = sequences,
        };
    }

    private static async Task<string[]> Generate(Engine engine, int prompt, int tokens) =>
        Bits.Of((await engine.GenerateAsync(Request(prompt, tokens))).Samples[0]);

    private static GenerationRequest Request(int prompt, int tokens) => new()
    {
        Prompt = new TokenPrompt([.. Enumerable.Range(0, prompt).Select(i => new ConceptToken(i * 7 % 400))]),
        Sampling = new() { Seed = 5, EarlyStoppingEntropyThreshold = 0 },
        MaxNewTokens = tokens,
        IgnoreEndOfText = true,
    };
}
