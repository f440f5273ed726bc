using System.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>How a run ended.</summary>
internal enum RunEnd
{
    /// <summary>The model ended its text.</summary>
    Stop,

    /// <summary>The limit of tokens or the context was reached.</summary>
    Length,

    /// <summary>The cold stop ended the answer: too many certain tokens in a row.</summary>
    ColdStop,

    /// <summary>The confidence fell too low.</summary>
    LowConfidence,

    /// <summary>The user interrupted it.</summary>
    Cancelled,

    /// <summary>It failed; see <see cref="GenerationRun.Error"/>.</summary>
    Error,
}

/// <summary>The state of one generation, from loading the model to the last token; the source of all outputs.</summary>
internal sealed class GenerationRun(string model)
{
    private readonly List<GeneratedToken> _tokens = [];
    private readonly Stopwatch _clock = new();
    private GenerationStarted? _started;
    private GenerationFinished? _finished;

    public string Model { get; } = model;

    public IReadOnlyList<GeneratedToken> Tokens => _tokens;

    /// <summary>Tokens of the thought, markers included.</summary>
    public int ThinkingTokens { get; private set; }

    /// <summary>Tokens of the prompt that were in the prefix cache; null until the run has finished.</summary>
    public int? CachedTokens => _finished?.Usage.CachedTokens;

    /// <summary>Whether the sample came to its end.</summary>
    public bool IsComplete => _finished != null;

    /// <summary>Number of concept tokens with several entries.</summary>
    public int MixedTokens { get; private set; }

    public RunEnd End { get; private set; }

    /// <summary>The error if <see cref="End"/> is <see cref="RunEnd.Error"/>.</summary>
    public string? Error { get; private set; }

    public TimeSpan Load { get; private set; }

    /// <summary>From submission to the first token.</summary>
    public TimeSpan Prefill { get; private set; }

    /// <summary>From the first token to the last.</summary>
    public TimeSpan Decode { get; private set; }

    /// <summary>The sample as far as it was generated; its reason means nothing where the run was interrupted.</summary>
    public GeneratedSample Sample => new()
    {
        Tokens = _tokens,
        Seed = _started?.Seed ?? 0,
        FinishReason = _finished?.Reason ?? FinishReason.Stop,
        Stop = _finished?.Stop,
        Usage = _finished?.Usage ?? new Usage(PromptTokens, 0, ThinkingTokens, _tokens.Count),
    };

    public double PrefillTokensPerSecond => Rate(PromptTokens, Prefill);

    public double DecodeTokensPerSecond => Rate(_tokens.Count - 1, Decode);

    /// <summary>Entropy in nats, averaged over the thought, or over all tokens if there is no thought.</summary>
    public double MeanEntropy =>
        _tokens.Where(token => token.Thinking || ThinkingTokens == 0).Select(token => (double)token.Entropy).DefaultIfEmpty().Average();

    private int PromptTokens => _started?.PromptTokens ?? 0;

    /// <summary>Records that the model is loaded.</summary>
    public void Loaded(TimeSpan time) => Load = time;

    /// <summary>Records that the request is submitted.</summary>
    public void Begin() => _clock.Restart();

    /// <summary>Adds the next event.</summary>
    public void Add(GenerationEvent next)
    {
        switch (next)
        {
            case GenerationStarted started:
                _started = started;
                break;
            case GeneratedToken token:
                Add(token);
                break;
            case GenerationFinished finished:
                (_finished, End) = (finished, EndOf(finished.Reason));
                break;
        }
    }

    /// <summary>Records that the user interrupted the run.</summary>
    public void Cancel() => End = RunEnd.Cancelled;

    /// <summary>Records that the run failed.</summary>
    public void Fail(string error) => (End, Error) = (RunEnd.Error, error);

    private void Add(GeneratedToken token)
    {
        if (_tokens.Count == 0)
            Prefill = _clock.Elapsed;
        else
            Decode = _clock.Elapsed - Prefill;
        _tokens.Add(token);
        ThinkingTokens += token.Thinking ? 1 : 0;
        MixedTokens += token.Token.Count > 1 ? 1 : 0;
    }

    private static RunEnd EndOf(FinishReason reason) => reason switch
    {
        FinishReason.Length => RunEnd.Length,
        FinishReason.ColdStop => RunEnd.ColdStop,
        FinishReason.LowConfidence => RunEnd.LowConfidence,
        _ => RunEnd.Stop,
    };

    private static double Rate(int tokens, TimeSpan time) => tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
