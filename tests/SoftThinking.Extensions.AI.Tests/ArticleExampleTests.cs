using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>The examples of docs/articles are those that run here, and do what the articles say.</summary>
public partial class ArticleExampleTests
{
    private const string Concepts = "articles/concepts.md", Parameters = "articles/choosing-parameters.md", Determinism = "articles/determinism.md",
        Threading = "articles/threading-and-lifetime.md";

    [Test, SetCulture("")]
    public async Task Thought_IsRead()
    {
        Engine engine = Models.Demonstration;
        StringWriter Console = new() { NewLine = "\n" };

        // <example>
        GenerationResult result = await engine.GenerateAsync(GenerationRequest.FromQuestion("What is 47 + 85 - 19?"));
        foreach (GeneratedToken thought in result.Samples[0].Tokens.Where(token => !token.Token.IsPlain))
        {
            IEnumerable<string> entries = thought.Token.Entries.Select(entry => $"{engine.Tokenizer.Decode([entry.Id], skipSpecialTokens: false).Trim()} {entry.Weight:F2}");
            Console.WriteLine($"{thought.Entropy:F2} nats: {string.Join(", ", entries)}");
        }
        // </example>

        // The weights differ in their last bits between instruction sets, so rounded ones may, too.
        Assert.That(Digit().Replace(DocumentedExample.Read(Concepts), "0"), Does.Contain(Digit().Replace($"```\n{Console}```\n", "0")));
        DocumentedExample.AssertIsIn(Concepts);
    }

    [Test]
    public async Task Parameters_AreChosen()
    {
        Engine engine = Models.Demonstration;

        // <example>
        GenerationRequest request = GenerationRequest.FromQuestion("What is 47 + 85 - 19?").WithDefaults(engine.Defaults);
        request = request with { MaxNewTokens = 400, Sampling = request.Sampling with { MaxThinkingTokens = 200 } };
        // </example>

        Assert.That((await engine.GenerateAsync(request)).Answer, Is.EqualTo(Models.Answer));
        DocumentedExample.AssertIsIn(Parameters);
    }

    [Test]
    public async Task Seed_RepeatsAResult()
    {
        Engine engine = Models.Demonstration;

        // <example>
        GenerationRequest request = GenerationRequest.FromQuestion("Compute 40 + 7.");
        GeneratedSample first = (await engine.GenerateAsync(request)).Samples[0];
        SamplingOptions sameSeed = request.Sampling with { Seed = first.Seed };
        GeneratedSample again = (await engine.GenerateAsync(request with { Sampling = sameSeed })).Samples[0];
        bool equal = first.Tokens.Select(token => token.Token).SequenceEqual(again.Tokens.Select(token => token.Token)); // true: ids and weights
        // </example>

        Assert.That(equal, Is.True);
        DocumentedExample.AssertIsIn(Determinism);
    }

    [Test]
    public async Task Seed_ConcernsAnswersAndNoise()
    {
        SamplingOptions plain = new() { AfterThinking = new() { Temperature = 5, TopK = 0, TopP = 1 }, Seed = 1 }, noisy = plain with { Strategy = new SoftStrategy { DirichletAlpha = 1 } };
        Assert.That(await ThoughtsOfTwoSeedsAsync(plain), Is.EqualTo((true, false)));
        Assert.That(await ThoughtsOfTwoSeedsAsync(noisy), Is.EqualTo((false, false)));
    }

    [Test]
    public async Task Callers_ShareAnEngine()
    {
        Engine engine = Models.Demonstration;

        // <example>
        string[] questions = ["What is 47 + 85 - 19?", "Compute 40 + 7."];
        GenerationResult[] results = await Task.WhenAll(questions.Select(question => engine.GenerateAsync(GenerationRequest.FromQuestion(question))));
        // </example>

        Assert.That(results.Select(result => result.Answer), Is.EqualTo(new[] { Models.Answer, "The answer is \\boxed{47}." }));
        DocumentedExample.AssertIsIn(Threading);
    }

    [Test]
    public async Task Stream_IsCancelled()
    {
        Engine engine = Models.Demonstration;
        StringWriter Console = new();

        // <example>
        using CancellationTokenSource stop = new();
        List<GeneratedToken> tokens = [];
        try
        {
            await foreach (GenerationEvent next in engine.StreamAsync(GenerationRequest.FromQuestion("Compute 40 + 7."), stop.Token))
            {
                if (next is not GeneratedToken token)
                    continue;
                tokens.Add(token);
                if (tokens.Count == 5)
                    stop.Cancel();
            }
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine($"stopped after {tokens.Count} tokens");
        }
        // </example>

        Assert.That(Console.ToString().Trim(), Is.EqualTo("stopped after 5 tokens"));
        DocumentedExample.AssertIsIn(Threading);
    }

    [Test]
    public async Task Engine_IsDrainedAndDisposed()
    {
        Engine engine = Models.LoadScripted();
        Task<GenerationResult> running = engine.GenerateAsync(GenerationRequest.FromQuestion("Hello"));

        // <example>
        await Task.WhenAny(engine.DrainAsync(), Task.Delay(TimeSpan.FromSeconds(30))); // no further requests; those in progress go on
        await engine.DisposeAsync(); // ends what is left, and frees everything
        // </example>

        Assert.That((await running).Answer, Is.EqualTo(Models.Greeting));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.GenerateAsync(GenerationRequest.FromQuestion("Hello")));
        DocumentedExample.AssertIsIn(Threading);
    }

    /// <summary>Every example of an article is one that a test runs.</summary>
    [Test]
    public void Examples_AreAllTested()
    {
        string folder = Path.Combine(TestData.RepositoryRoot, "docs", "articles");
        string[] articles = [.. Directory.GetFiles(folder, "*.md").Select(file => "articles/" + Path.GetFileName(file))];
        Assert.That(articles, Is.EquivalentTo(new[] { Concepts, Parameters, Determinism, Threading }));
        Assert.That(articles.Sum(article => DocumentedExample.Blocks(article).Count), Is.EqualTo(6));
    }

    [GeneratedRegex("[0-9]")]
    private static partial Regex Digit();

    private static async Task<(bool SameThought, bool SameAnswer)> ThoughtsOfTwoSeedsAsync(SamplingOptions sampling)
    {
        GenerationResult result = await Models.Demonstration.GenerateAsync(
            GenerationRequest.FromQuestion(Models.Question) with { Sampling = sampling, Samples = 2, MaxNewTokens = 200 });
        ConceptToken[][] thoughts = [.. result.Samples.Select(sample => sample.Tokens.Where(token => token.Thinking).Select(token => token.Token).ToArray())];
        return (thoughts[0].SequenceEqual(thoughts[1]), result.Samples[0].Answer == result.Samples[1].Answer);
    }
}
