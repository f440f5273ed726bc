namespace SoftThinking.Tests;

/// <summary>Requests of every kind to the demonstration model, with what each gives when it runs alone.</summary>
internal sealed class Workload
{
    private static readonly SamplingOptions[] Samplings =
    [
        new(),
        new() { SoftThinking = false },
        new() { Strategy = new SoftStrategy { DirichletAlpha = 1, GumbelSoftmaxTemperature = 0.5f } },
        new() { SoftThinking = false, AfterThinking = new() { Temperature = 1.5f, TopK = 0, TopP = 1 } },
        new() { Thinking = new() { Temperature = 2, TopK = 0 }, MaxTopk = 30, MaxThinkingTokens = 20, ThinkEndText = "\nThe answer" },
        new() { RepetitionPenalty = 1.1f, FrequencyPenalty = 0.05f, PresencePenalty = 0.05f },
        new() { EarlyStoppingEntropyThreshold = 0.5f, EarlyStoppingLengthThreshold = 6, Strategy = new GumbelStrategy { GumbelTemperature = 1 } },
        new() { Strategy = new DirichletStrategy { DirichletAlpha = 4 }, Cusum = new() { Warmup = 4, Threshold = 0.5f } },
        new() { Strategy = new MixtureOfInputsStrategy(), DeepConf = new() { Window = 12, Bar = 1.5f } },
        new() { Strategy = new MultiplexStrategy { MaskThreshold = 0.2f }, Eat = Settled },
        new() { Strategy = new SwiReasoningStrategy { Window = 3, Alpha0 = 0.5f, MaxSwitchCount = 2, FinalTokens = 9 }, MaxTopk = 40 },
        new() { Strategy = new ThinkRouterStrategy { RouterThreshold = 0.7f }, Deer = Confident, Eat = Settled, ThinkEndText = "\nThe answer" },
        new() { Strategy = new LatentSftStrategy(), Eat = Settled with { Interval = 0 } },
        new() { Strategy = new LatentGrpoStrategy(), Deer = Confident with { Threshold = 0.999f }, FrequencyPenalty = 0.05f },
        new() { Strategy = new SoftGrpoStrategy(), Eat = Settled with { Interval = 1 }, MaxThinkingTokens = 30 },
    ];

    /// <summary>Positions that no probe exceeds.</summary>
    private const int ProbeRows = 32;

    private static EatExit Settled => new() { Interval = 5, ProbeText = "\nThe answer is ", Alpha = 0.5f, Delta = 1e-3f, MinProbes = 4 };

    private static DeerExit Confident => new() { ProbeText = "\nThe answer is ", ProbeTokens = 6, Threshold = 0.7f, RequireEnd = false, TriggerIds = EveryEighthId };


    private static IReadOnlyList<int> EveryEighthId => [.. Enumerable.Range(0, 50).Select(i => 8 * i)];

    private static readonly string[] Questions =
    [
        "What is 47 + 85 - 19?", "What is 47 + 85 - 20?", "Compute 40 + 7.", "What is 12 - 5 + 8?",
    ];

    private Workload(IReadOnlyList<GenerationRequest> requests, IReadOnlyList<string[]> alone, IReadOnlyList<(ScoreRequest, ReplayScores)> replays, int longest) =>
        (Requests, Alone, Replays, Longest) = (requests, alone, replays, longest);

    public IReadOnlyList<GenerationRequest> Requests { get; }

    /// <summary>The bits of each request, from an engine that ran nothing else.</summary>
    public IReadOnlyList<string[]> Alone { get; }

    /// <summary>Each request's output as a sequence to be scored, and its scores from that engine.</summary>
    public IReadOnlyList<(ScoreRequest Request, ReplayScores Scores)> Replays { get; }

    /// <summary>Positions of the longest request.</summary>
    public int Longest { get; }

    /// <param name="model">The demonstration model, or one with its tokenizer.</param>
    public static async Task<Workload> MakeAsync(string model)
    {
        EngineOptions options = new() { Threads = 1, MaxSequences = 1, PrefixCache = false };
        await using Engine engine = Engine.Load(model, options);
        List<GenerationRequest> requests = [];
        List<string[]> alone = [];
        List<(ScoreRequest, ReplayScores)> replays = [];
        for (int i = 0; i < 4 * Samplings.Length; i++)
        {
            GenerationRequest request = Request(engine, i);
            GenerationResult result = await engine.GenerateAsync(request);
            requests.Add(request);
            alone.Add(Bits.Of(result.Samples[0]));
            ScoreRequest replay = ScoreRequest.Of(request, result.Samples[0].Tokens);
            replays.Add((replay, await engine.ScoreAsync(replay)));
        }
        return new Workload(requests, alone, replays, requests.Max(request => Tokens(request).Count + request.MaxNewTokens!.Value) + ProbeRows);
    }

    private static GenerationRequest Request(Engine engine, int number)
    {
        GenerationRequest request = Problems.Ask(
            engine, Questions[number % Questions.Length], Samplings[number % Samplings.Length] with { Seed = (ulong)number });
        IReadOnlyList<ConceptToken> prompt = (number % 3) switch
        {
            0 => Tokens(request),
            // A prefix that others share, of 200 tokens and more.
            1 => [.. Enumerable.Repeat(Tokens(request), 6 + number % 2).SelectMany(tokens => tokens)],
            // Mixtures that emit the same tokens as the plain prompt.
            _ => [.. Tokens(request).Select((token, i) => i % 4 == number % 4 ? Mixed(token.Token, number) : token)],
        };
        return request with { Prompt = new TokenPrompt(prompt), MaxNewTokens = 20 + number * 37 % 90, LogProbs = number % 5 == 0 ? 3 : null, Record = number % 3 == 1 };
    }

    private static IReadOnlyList<ConceptToken> Tokens(GenerationRequest request) => ((TokenPrompt)request.Prompt).Tokens;

    private static ConceptToken Mixed(int token, int number) => new(token, new(token, 0.75f), new((token + 1 + number) % 400, 0.25f));
}
