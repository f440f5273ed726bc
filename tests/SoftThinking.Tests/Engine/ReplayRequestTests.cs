using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>Requests for scores that cannot be met are refused by name.</summary>
public class ReplayRequestTests
{
    private static readonly ConceptToken Plain = new(5);

    private Engine _engine = null!;

    [OneTimeSetUp]
    public void Load() => _engine = Engine.Load(TestData.TinyReasoner, TestDevice.Cpu.Options() with { MaxTopk = 2, ContextLength = 40 });

    [OneTimeTearDown]
    public void Dispose() => _engine.Dispose();

    [Test]
    public async Task AOneTokenPromptAndOneTokenAreEnough() => Assert.That((await _engine.ScoreAsync(Request(1))).Steps, Has.Count.EqualTo(1));

    [Test]
    public async Task ASequenceMayFillTheContext() => Assert.That((await _engine.ScoreAsync(Request(39))).Steps, Has.Count.EqualTo(39));

    [Test]
    public void ALongerSequenceIsRefused() => Refused<GenerationLimitException>(Request(40), "the prompt of 1 tokens and 40 recorded ones have 41 positions; the context has 40");

    [Test]
    public void AnEmptyPromptIsRefused() => Refused<ArgumentException>(Request(1) with { Prompt = new TokenPrompt([]) }, "the prompt is empty");

    [Test]
    public void IdsOutsideTheVocabularyAreRefused()
    {
        int beyond = _engine.Config.VocabularySize;
        Refused<ArgumentException>(Request(3) with { Tokens = [Plain, new(beyond)] }, $"recorded token 1 contains id {beyond}, which is outside the vocabulary of {beyond}");
        Refused<ArgumentException>(Request(3) with { Tokens = [Plain, new(5, new(5, 0.5f), new(beyond, 0.5f))] }, $"recorded token 1 contains id {beyond}");
        Refused<ArgumentException>(Request(2) with { Ids = [[1], [2, beyond]] }, $"the list of ids for recorded token 1 contains id {beyond}");
        Refused<ArgumentException>(Request(2) with { Ids = [[-1], []] }, "the list of ids for recorded token 0 contains id -1");
        Refused<ArgumentException>(Request(2) with { Prompt = new TokenPrompt([new(beyond)]) }, $"the prompt's token 0 contains id {beyond}");
    }

    [Test]
    public void ListsOfAnotherLengthAreRefused()
    {
        Refused<ArgumentException>(Request(3) with { Temperatures = [1, 1] }, "Temperatures has 2 numbers for 3 recorded tokens");
        Refused<ArgumentException>(Request(3) with { Ids = [[1]] }, "Ids has 1 lists for 3 recorded tokens");
    }

    [Test]
    public void MixturesLargerThanTheEnginesAreRefused()
    {
        ConceptToken three = new(5, new(5, 0.5f), new(6, 0.25f), new(7, 0.25f));
        Refused<GenerationLimitException>(Request(3) with { Tokens = [Plain, three] }, "recorded token 1 mixes 3 tokens; the engine's MaxTopk");
        Refused<GenerationLimitException>(Request(3) with { Prompt = new TokenPrompt([three]) }, "the prompt's token 0 mixes 3 tokens; the engine's MaxTopk");
    }

    [Test]
    public void ValuesOutOfRangeAreRefused()
    {
        Assert.That(() => Request(1) with { Tokens = [] }, Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.StartsWith("Tokens must be at least one recorded token"));
        foreach (float wrong in new[] { -1, float.NaN, 0.00001f, 101, float.PositiveInfinity })
        {
            Assert.That(() => Request(1) with { Temperature = wrong }, Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.StartsWith("Temperature must be"));
            Assert.That(() => Request(1) with { Temperatures = [1, wrong] }, Throws.TypeOf<ArgumentOutOfRangeException>().With.Message.StartsWith("Temperatures must be"));
        }
        Assert.That(() => Request(1) with { Ids = [null!] }, Throws.ArgumentNullException.With.Property(nameof(ArgumentException.ParamName)).EqualTo("Ids"));
    }

    [Test]
    public async Task AFullQueueRefusesIt()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, TestDevice.Cpu.Options() with { QueueLength = 1, MaxSequences = 1, StepTokens = 1 });
        GenerationLimitException? error = null;
        List<Task<ReplayScores>> accepted = [];
        for (int i = 0; i < 100 && error == null; i++)
        {
            Task<ReplayScores> next = engine.ScoreAsync(Request(200));
            if (next.IsFaulted)
                error = (GenerationLimitException)next.Exception.InnerException!;
            else
                accepted.Add(next);
        }
        Assert.That(error?.Limit, Is.EqualTo(GenerationLimit.Queue));
        await Task.WhenAll(accepted);
    }

    private void Refused<T>(ScoreRequest request, string message) where T : Exception =>
        Assert.That(async () => await _engine.ScoreAsync(request), Throws.TypeOf<T>().With.Message.StartsWith(message));

    private static ScoreRequest Request(int tokens) => new() { Prompt = new TokenPrompt([Plain]), Tokens = [.. Enumerable.Repeat(Plain, tokens)] };
}
