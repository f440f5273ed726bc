using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Thinking;

namespace SoftThinking.Tests;

/// <summary>Where a thought starts and ends: from the prompt, from the model, from markers of one or several tokens.</summary>
public class ThinkingTests
{
    private static readonly SamplingOptions Greedy = new() { SoftThinking = false, AfterThinking = new() { Temperature = 0 } };

    private Engine _engine = null!;

    [OneTimeSetUp]
    public void Load() => _engine = Engine.Load(TestData.TinyReasoner);

    [OneTimeTearDown]
    public async Task Free() => await _engine.DisposeAsync();

    /// <summary>The template ends in an empty thought.</summary>
    [Test]
    public async Task APromptThatClosesTheThoughtIsAnswered([Values] bool soft)
    {
        using CaseModel model = CaseModel.Of("B01");
        await using Engine engine = Engine.Load(model.Path);
        GeneratedSample sample = await Answer(engine, "What is 1 + 1?", new() { Seed = 1, SoftThinking = soft });
        Assert.That(sample.Tokens.Select(token => token.Thinking || token.Soft), Has.None.True);
        Assert.That((sample.Answer, sample.Thinking), Is.EqualTo((sample.Text.Trim(), "")));
        Assert.That(sample.Answer, Is.Not.Empty);
    }

    /// <summary>The template opens no thought; the user's text names a marker.</summary>
    [Test]
    public async Task AMarkerInTheUsersTextOpensNoThought()
    {
        using CaseModel model = CaseModel.Of("B02");
        await using Engine engine = Engine.Load(model.Path);
        GeneratedSample sample = await Answer(engine, "What is <think> 1 + 1?", Greedy);
        Assert.That((sample.Thinking, sample.Usage.ThinkingTokens), Is.EqualTo(("", 0)));
        Assert.That(sample.Answer, Is.Not.Empty);
    }

    [Test]
    public async Task OtherMarkersAreRecognizedOrNamed([Values(null, "[/THINK]")] string? end, [Values] bool soft)
    {
        using CaseModel model = CaseModel.Of("M01");
        await using Engine engine = Engine.Load(model.Path);
        SamplingOptions sampling = (soft ? new() : Greedy) with { Seed = 0, ThinkEnd = end };
        GeneratedSample sample = await Answer(engine, "What is 12 + 30?", sampling);
        Assert.That(sample.Thinking, Does.Contain("42"));
        Assert.That(sample.Answer, Is.EqualTo("The answer is \\boxed{42}."));
        GeneratedSample limited = await Answer(engine, "What is 12 + 30?", sampling with { MaxThinkingTokens = 5 });
        Assert.That(limited.Usage.ThinkingTokens, Is.EqualTo(6), "five thoughts and the marker");
        Assert.That(limited.ThinkingEnd, Is.EqualTo(ThinkingEnd.Budget));
    }

    /// <summary>A caller ends the thoughts in progress, and a request beside them is not affected.</summary>
    [Test]
    public async Task ThoughtsEndWhenTheCallerSaysSo([Values] bool soft)
    {
        using CancellationTokenSource end = new();
        // The model cannot end its thought itself.
        Dictionary<int, float> bias = new() { [_engine.Tokenizer.TokenId("</think>")!.Value] = -1000 };
        GenerationRequest alone = GenerationRequest.FromQuestion("What is 47 + 85 - 19?") with
        {
            Sampling = new() { Seed = 3, SoftThinking = soft, LogitBias = bias, EarlyStoppingEntropyThreshold = 0 },
            Samples = 2,
            MaxNewTokens = 900,
        };
        Task<GenerationResult> other = _engine.GenerateAsync(alone);
        GenerationAccumulator all = new();
        await foreach (GenerationEvent next in _engine.StreamAsync(alone with { EndThinking = end.Token }))
        {
            all.Add(next);
            if (next is GeneratedToken)
                await end.CancelAsync();
        }
        GeneratedSample[] whole = [.. (await other).Samples], ended = [.. all.ToResult().Samples];
        Assert.Multiple(() =>
        {
            for (int i = 0; i < 2; i++)
            {
                Assert.That(whole[i].ThinkingEnd, Is.Null);
                Assert.That(ended[i].ThinkingEnd, Is.EqualTo(ThinkingEnd.Budget));
                Assert.That(ended[i].Usage.ThinkingTokens, Is.LessThan(whole[i].Usage.ThinkingTokens));
                Assert.That(ended[i].Answer, Is.Not.Empty);
                Assert.That(whole[i].Thinking, Does.StartWith(ended[i].Thinking));
            }
        });
    }

    [Test]
    public async Task AThoughtThatIsToEndAtOnceHasNoToken()
    {
        GenerationRequest request = GenerationRequest.FromQuestion("What is 47 + 85 - 19?") with { EndThinking = new CancellationToken(canceled: true) };
        GeneratedSample sample = (await _engine.GenerateAsync(request)).Samples[0];
        Assert.That((sample.Thinking, sample.ThinkingEnd), Is.EqualTo(("", ThinkingEnd.Budget)));
    }

    /// <summary>Qwen3's template leaves the thought to the model.</summary>
    [Test]
    public async Task ABudgetHoldsForAThoughtThatTheModelOpens()
    {
        GenerationRequest request = GenerationRequest.FromText("<|im_start|>user\nWhat is 47 + 85 - 19?<|im_end|>\n<|im_start|>assistant\n") with
        {
            Sampling = Greedy with { MaxThinkingTokens = 10 },
            MaxNewTokens = 300,
        };
        GeneratedSample sample = (await _engine.GenerateAsync(request)).Samples[0];
        Assert.That(sample.Tokens[0].Marker && sample.Tokens[0].Thinking, "the model opens the thought");
        Assert.That(sample.Usage.ThinkingTokens, Is.EqualTo(11));
        Assert.That((sample.ThinkingEnd, sample.Tokens[10].Marker), Is.EqualTo((ThinkingEnd.Budget, true)));
    }

    [Test]
    public async Task TheRequestMayDecide()
    {
        GenerationRequest request = GenerationRequest.FromQuestion("What is 1 + 1?") with { MaxNewTokens = 20, Sampling = new() { Seed = 0 } };
        GeneratedSample closed = (await _engine.GenerateAsync(request with { Thinking = ThinkingStart.Closed })).Samples[0];
        Assert.That(closed.Usage.ThinkingTokens, Is.Zero);
        GenerationRequest raw = GenerationRequest.FromText("What is 1 + 1?") with { MaxNewTokens = 20, Sampling = Greedy };
        Assert.That((await _engine.GenerateAsync(raw)).Samples[0].Usage.ThinkingTokens, Is.Zero);
        Assert.That((await _engine.GenerateAsync(raw with { Thinking = ThinkingStart.Open })).Samples[0].Usage.ThinkingTokens, Is.GreaterThan(0));
    }

    [TestCase("1 + 1 <think>\n", true)]
    [TestCase("1 + 1 <think>\n</think>", false)]
    [TestCase("<think> 1 + 1<|im_end|>\n<|im_start|>assistant\n", false)]
    [TestCase("</think><|im_start|>assistant\n<think>\nso", true)]
    public async Task TheLastMarkerOfARawPromptDecides(string text, bool thinking)
    {
        await foreach (GenerationEvent next in _engine.StreamAsync(GenerationRequest.FromText(text) with { Sampling = Greedy, MaxNewTokens = 1 }))
        {
            if (next is GenerationStarted started)
                Assert.That(started.Thinking, Is.EqualTo(thinking));
        }
    }

    /// <summary>Markers of several tokens: the state machine matches a sequence of ids, and text of half a marker is not shown as thought.</summary>
    [Test]
    public async Task AnEndMarkerMayBeSeveralTokens([Values] bool soft)
    {
        const string End = "so 132 -"; // words of the thought below
        SamplingOptions sampling = (soft ? new() : Greedy) with { Seed = 3 };
        GeneratedSample usual = await Answer(_engine, "What is 47 + 85 - 19?", sampling);
        string marker = usual.Text.Contains(End, StringComparison.Ordinal) ? End : "132";
        int ids = _engine.Tokenizer.Encode(marker, addSpecialTokens: false).Length;
        Assert.That(ids, Is.GreaterThan(1));
        GeneratedSample sample = await Answer(_engine, "What is 47 + 85 - 19?", sampling with { ThinkEnd = marker });
        int at = usual.Text.IndexOf(marker, StringComparison.Ordinal);
        Assert.That(sample.Thinking, Is.EqualTo(usual.Text[..at].Trim()));
        Assert.That(sample.Tokens.Count(token => token.Marker), Is.EqualTo(ids));
        Assert.That(string.Concat(sample.Tokens.Where(token => token.Marker).Select(token => token.Text)), Is.EqualTo(marker));
        Assert.That(sample.ThinkingEnd, Is.EqualTo(ThinkingEnd.Model));
    }

    [Test]
    public async Task AForcedEndMarkerMayBeSeveralTokens([Values] bool soft)
    {
        SamplingOptions sampling = (soft ? new() : Greedy) with { Seed = 3, ThinkEnd = "end of it", MaxThinkingTokens = 4, ThinkEndText = "\nThe" };
        GeneratedSample sample = await Answer(_engine, "What is 47 + 85 - 19?", sampling);
        int ids = _engine.Tokenizer.Encode("end of it", addSpecialTokens: false).Length;
        Assert.That(sample.Tokens.Take(4 + ids).Select(token => token.Marker), Is.EqualTo(Enumerable.Range(0, 4 + ids).Select(i => i >= 4)));
        Assert.That(sample.Tokens[3 + ids].ThinkingEnd, Is.EqualTo(ThinkingEnd.Budget));
        Assert.That(sample.Usage.ThinkingTokens, Is.EqualTo(4 + ids));
        Assert.That(sample.Answer, Does.StartWith("The"));
    }

    /// <summary>After a forced end, a model may emit the end marker that it would have emitted itself.</summary>
    [Test]
    public async Task ARepeatedEndMarkerIsNotPartOfTheAnswer([Values] bool soft)
    {
        int end = _engine.Tokenizer.TokenId("</think>")!.Value;
        SamplingOptions always = (soft ? new() : Greedy) with { Seed = 0, LogitBias = new Dictionary<int, float> { [end] = 1000 } };
        GenerationRequest request = GenerationRequest.FromQuestion("1 + 1?") with { Sampling = always, MaxNewTokens = 3 };
        foreach (ThinkingStart start in new[] { ThinkingStart.Open, ThinkingStart.Closed })
        {
            GeneratedSample sample = (await _engine.GenerateAsync(request with { Thinking = start })).Samples[0];
            int thinking = start == ThinkingStart.Open ? 1 : 0;

            Assert.That((sample.Text, sample.Thinking, sample.Answer), Is.EqualTo(("</think></think></think>", "", "")));
            Assert.That(sample.Tokens.Select(token => token.Marker), Is.All.True);
            Assert.That(sample.Tokens.Select(token => token.Thinking), Is.EqualTo(Enumerable.Range(0, 3).Select(i => i < thinking)));
            Assert.That(sample.Usage.ThinkingTokens, Is.EqualTo(thinking));
        }
    }

    /// <summary>Ids: 1 starts a thought, 2 ends one, 3 and 4 are words.</summary>
    [TestCase(true, new[] { 3, 2, 3 }, new[] { false, true, false })]
    [TestCase(false, new[] { 3, 2, 3 }, new[] { false, false, false }, Description = "perhaps the end of a thought that nobody knows of")]
    [TestCase(true, new[] { 1, 3, 2 }, new[] { false, false, false }, Description = "a thought within the answer stays whole")]
    public void OnlyAnEndMarkerWithoutAStartIsARepeatedOne(bool closed, int[] ids, bool[] markers)
    {
        MarkerTracker tracker = new(new ThinkingMarkers(new Marker("<t>", [1]), new Marker("</t>", [2])), closed);
        List<GeneratedToken> decided = Follow(tracker, ids);

        Assert.That(decided.Select(token => token.Marker), Is.EqualTo(markers));
        Assert.That(decided.Select(token => token.Thinking), Is.All.False);
    }

    [Test]
    public void WordsThatAreAMarkerOfSeveralTokensMayBeInAnAnswer()
    {
        MarkerTracker tracker = new(new ThinkingMarkers(null, new Marker("my answer", [3, 4])), closed: true);

        Assert.That(Follow(tracker, [3, 4, 3, 4]).Select(token => token.Marker), Is.All.False);
    }

    [Test]
    public async Task AModelWithoutMarkersSaysSo()
    {
        using CaseModel model = CaseModel.Copy();
        model.Edit("tokenizer_config.json", json =>
        {
            json["chat_template"] = "{{ messages[0].content }}";
            json.Remove("added_tokens_decoder");
        });
        model.Edit("tokenizer.json", json =>
        {
            JsonArray added = json["added_tokens"]!.AsArray();
            foreach (JsonNode? token in added)
                token!["content"] = token["content"]!.GetValue<string>().Replace("think", "idea", StringComparison.Ordinal);
        });
        await using Engine engine = Engine.Load(model.Path);
        Assert.That(async () => await engine.GenerateAsync(GenerationRequest.FromQuestion("1 + 1?")),
            Throws.TypeOf<RequestOptionException>().With.Message.StartsWith("ThinkEnd must name the marker that ends a thought"));
        Assert.That((await engine.GenerateAsync(GenerationRequest.FromQuestion("1 + 1?") with { Sampling = Greedy, MaxNewTokens = 5 })).Samples[0].Tokens, Is.Not.Empty);
        GenerationRequest named = GenerationRequest.FromQuestion("1 + 1?") with { Sampling = new() { ThinkEnd = "</idea>" }, MaxNewTokens = 5 };
        Assert.That((await engine.GenerateAsync(named)).Samples[0].Tokens, Is.Not.Empty);
    }

    [Test]
    public async Task AModelWithoutMarkersGetsRequestsThatItCanExecute()
    {
        using TempFolder folder = new();
        ScriptedModel.WriteWithoutThoughts(folder.Path, new ScriptedReply("<|plain|>", "Hello", ", you."));
        using CancellationTokenSource end = new();
        await using Engine engine = Engine.Load(folder.Path, new EngineOptions { Device = ComputeDevice.Cpu, Threads = 1 });
        GenerationRequest request = GenerationRequest.FromQuestion("Hi") with { Sampling = new() { MaxThinkingTokens = 5 }, EndThinking = end.Token };
        GenerationRequest named = request with { Sampling = request.Sampling with { ThinkEnd = "Hello" } };
        Assert.Multiple(() =>
        {
            Assert.That((engine.CanThink(request.Sampling), engine.CanThink(named.Sampling), _engine.CanThink(request.Sampling)), Is.EqualTo((false, true, true)));
            Assert.That((engine.Adapt(named), _engine.Adapt(request)), Is.EqualTo((named, request)));
        });
        Assert.That((await engine.GenerateAsync(engine.Adapt(request))).Answer, Is.EqualTo("Hello, you."));
    }

    /// <summary>The tokens of an answer, as the tracker decides them.</summary>
    private static List<GeneratedToken> Follow(MarkerTracker tracker, int[] ids)
    {
        List<GeneratedToken> decided = [];
        foreach (int id in ids)
        {
            tracker.Append(
                new GeneratedToken { Token = new ConceptToken(id), Text = "", Entropy = 0, Soft = false, Thinking = false, Marker = false }, default, decided);
        }
        tracker.Flush(decided);
        return decided;
    }

    private static async Task<GeneratedSample> Answer(Engine engine, string question, SamplingOptions sampling) =>
        (await engine.GenerateAsync(GenerationRequest.FromQuestion(question) with { Sampling = sampling, MaxNewTokens = 300 })).Samples[0];
}
