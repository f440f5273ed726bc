using System.Diagnostics;
using System.Text;

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

    /// <summary>The user interrupted it.</summary>
    Cancelled,

    /// <summary>It failed; see <see cref="GenerationRun.Error"/>.</summary>
    Error,
}

/// <summary>The state of one generation, from loading the model to the last token; the source of all outputs.</summary>
internal sealed class GenerationRun(string model)
{
    private readonly List<GeneratedToken> _tokens = [];
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _thinking = new();
    private readonly StringBuilder _answer = new();
    private readonly Stopwatch _clock = new();

    public string Model { get; } = model;

    /// <summary>The seed of the sample, once it started.</summary>
    public ulong Seed { get; private set; }

    public IReadOnlyList<GeneratedToken> Tokens => _tokens;

    public int PromptTokens { get; private set; }

    /// <summary>Tokens of the thought, markers included.</summary>
    public int ThinkingTokens { get; private set; }

    /// <summary>Number of concept tokens with several entries.</summary>
    public int MixedTokens { get; private set; }

    public ThinkingEnd? ThinkingEnd { get; private set; }

    public RunEnd End { get; private set; }

    /// <summary>The error if <see cref="End"/> is <see cref="RunEnd.Error"/>.</summary>
    public string? Error { get; private set; }

    public TimeSpan Load { get; private set; }

    /// <summary>From submission to the first token.</summary>
    public TimeSpan Prefill { get; private set; }

    /// <summary>From the first token to the last.</summary>
    public TimeSpan Decode { get; private set; }

    /// <summary>All text, including the markers of the thought.</summary>
    public string Text => _text.ToString();

    /// <summary>The thought, without markers and outer white space.</summary>
    public string Thinking => _thinking.ToString().Trim();

    /// <summary>The text after the thought, without outer white space.</summary>
    public string Answer => _answer.ToString().Trim();

    public double PrefillTokensPerSecond => Rate(PromptTokens, Prefill);

    public double DecodeTokensPerSecond => Rate(_tokens.Count - 1, Decode);

    /// <summary>Entropy in nats, averaged over the thought, or over all tokens if there is no thought.</summary>
    public double MeanEntropy =>
        _tokens.Where(token => token.Thinking || ThinkingTokens == 0).Select(token => (double)token.Entropy).DefaultIfEmpty().Average();

    /// <summary>Records that the model is loaded.</summary>
    public void Loaded(TimeSpan time) => Load = time;

    /// <summary>The match that ended the text, if <see cref="End"/> is <see cref="RunEnd.Stop"/>.</summary>
    public StopMatch? Stop { get; private set; }

    /// <summary>Records that the request is submitted.</summary>
    public void Begin() => _clock.Restart();

    /// <summary>Adds the next event.</summary>
    public void Add(GenerationEvent next)
    {
        switch (next)
        {
            case GenerationStarted started:
                (PromptTokens, Seed) = (started.PromptTokens, started.Seed);
                break;
            case GeneratedToken token:
                Add(token);
                break;
            case GenerationFinished finished:
                Finish(finished);
                break;
        }
    }

    private void Add(GeneratedToken token)
    {
        if (_tokens.Count == 0)
            Prefill = _clock.Elapsed;
        else
            Decode = _clock.Elapsed - Prefill;
        _tokens.Add(token);
        _text.Append(token.Text);
        if (!token.Marker)
            (token.Thinking ? _thinking : _answer).Append(token.Text);
        ThinkingTokens += token.Thinking ? 1 : 0;
        MixedTokens += token.Token.Count > 1 ? 1 : 0;
        ThinkingEnd ??= token.ThinkingEnd;
    }

    private void Finish(GenerationFinished finished) => (Stop, End) = (finished.Stop, finished.Reason switch
    {
        FinishReason.Length => RunEnd.Length,
        FinishReason.ColdStop => RunEnd.ColdStop,
        _ => RunEnd.Stop,
    });

    /// <summary>Records that the user interrupted the run.</summary>
    public void Cancel() => End = RunEnd.Cancelled;

    /// <summary>Records that the run failed.</summary>
    public void Fail(string error) => (End, Error) = (RunEnd.Error, error);

    private static double Rate(int tokens, TimeSpan time) => tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
