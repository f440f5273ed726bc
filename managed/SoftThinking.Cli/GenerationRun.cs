using System.Diagnostics;
using System.Text;

namespace SoftThinking.Cli;

/// <summary>How a run ended.</summary>
internal enum RunEnd
{
    /// <summary>The model ended its text.</summary>
    Stop,

    /// <summary>The limit of steps or the context was reached.</summary>
    Length,

    /// <summary>The answer was certain for too long.</summary>
    ColdStop,

    /// <summary>The user ended it.</summary>
    Cancelled,

    /// <summary>It could not go on; see <see cref="GenerationRun.Error"/>.</summary>
    Error,
}

/// <summary>All that is known of one generation, from loading the model to the last step; what every output is made of.</summary>
internal sealed class GenerationRun(string model, ulong seed)
{
    private readonly List<GenerationStep> _steps = [];
    private readonly StringBuilder _text = new();
    private readonly StringBuilder _thinking = new();
    private readonly StringBuilder _answer = new();
    private readonly Stopwatch _clock = new();

    public string Model { get; } = model;

    public ulong Seed { get; } = seed;

    public IReadOnlyList<GenerationStep> Steps => _steps;

    public int PromptTokens { get; private set; }

    /// <summary>Steps of the thought, the one that ends it included.</summary>
    public int ThinkingTokens { get; private set; }

    /// <summary>Steps that mix several tokens.</summary>
    public int MixedTokens { get; private set; }

    public ThinkingEnd? ThinkingEnd { get; private set; }

    public RunEnd End { get; private set; }

    /// <summary>What went wrong where <see cref="End"/> is <see cref="RunEnd.Error"/>.</summary>
    public string? Error { get; private set; }

    public TimeSpan Load { get; private set; }

    /// <summary>From the start until the first step was there.</summary>
    public TimeSpan Prefill { get; private set; }

    /// <summary>From the first step to the last.</summary>
    public TimeSpan Decode { get; private set; }

    /// <summary>All text, markers of the thought included.</summary>
    public string Text => _text.ToString();

    /// <summary>The thought, without markers and outer white space.</summary>
    public string Thinking => _thinking.ToString().Trim();

    /// <summary>What follows the thought, without outer white space.</summary>
    public string Answer => _answer.ToString().Trim();

    public double PrefillTokensPerSecond => Rate(PromptTokens, Prefill);

    public double DecodeTokensPerSecond => Rate(_steps.Count - 1, Decode);

    /// <summary>Entropy in nats, averaged over the thought, or over all steps where there is none.</summary>
    public double MeanEntropy =>
        _steps.Where(step => step.Thinking || ThinkingTokens == 0).Select(step => (double)step.Entropy).DefaultIfEmpty().Average();

    /// <summary>The model is loaded.</summary>
    public void Loaded(TimeSpan time) => Load = time;

    /// <summary>Generation begins.</summary>
    public void Begin(int promptTokens)
    {
        PromptTokens = promptTokens;
        _clock.Restart();
    }

    public void Add(GenerationStep step)
    {
        if (_steps.Count == 0)
            Prefill = _clock.Elapsed;
        else
            Decode = _clock.Elapsed - Prefill;
        _steps.Add(step);
        _text.Append(step.Text);
        if (!step.Marker)
            (step.Thinking ? _thinking : _answer).Append(step.Text);
        ThinkingTokens += step.Thinking ? 1 : 0;
        MixedTokens += step.Token.Ids.Length > 1 ? 1 : 0;
        ThinkingEnd ??= step.ThinkingEnd;
    }

    /// <summary>The run came to its end.</summary>
    public void Finish(FinishReason reason) => End = reason switch
    {
        FinishReason.Length => RunEnd.Length,
        FinishReason.ColdStop => RunEnd.ColdStop,
        _ => RunEnd.Stop,
    };

    /// <summary>The user ended the run.</summary>
    public void Cancel() => End = RunEnd.Cancelled;

    /// <summary>The run could not go on.</summary>
    public void Fail(string error) => (End, Error) = (RunEnd.Error, error);

    private static double Rate(int tokens, TimeSpan time) => tokens > 0 && time > TimeSpan.Zero ? tokens / time.TotalSeconds : 0;
}
