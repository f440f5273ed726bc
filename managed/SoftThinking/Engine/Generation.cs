using System.Diagnostics;
using System.Security.Cryptography;
using System.Threading.Channels;
using SoftThinking.Cache;
using SoftThinking.Scheduling;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>A request in progress: its samples, and the channel on which the engine's thread signals that there is more to
/// read. What is to be read stays with the samples, so the channel holds at most one signal.</summary>
internal sealed class Generation
{
    // JSON numbers are exact up to 2^53 in every language.
    private const ulong SeedLimit = 1UL << 53;

    private readonly Channel<bool> _signal = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true, SingleWriter = true });

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly bool _signalsEveryToken;
    private readonly Action _wake;

    /// <param name="signalsEveryToken">Whether the reader wants a signal for each token, not only at the end.</param>
    /// <param name="wake">Called after <see cref="Cancel"/>.</param>
    /// <param name="targets">What to score in place of generating; null to generate.</param>
    public Generation(PreparedRequest prepared, Tokenizer tokenizer, bool signalsEveryToken, Action wake, ScoreTargets? targets = null)
    {
        (Request, _signalsEveryToken, _wake) = (prepared.Request, signalsEveryToken, wake);
        EmbeddingSpan[] embeddings = [.. prepared.Encoded.Embeddings.Select(each => new EmbeddingSpan(each.First, each.Part))];
        ReadsMemory = embeddings.Length > 0;
        ulong seed = Request.Sampling.Seed ?? RandomSeed();
        Samples = [.. Enumerable.Range(0, Request.Samples).Select(i => new SampleRun(this, i, seed + (ulong)i, prepared, HistoryOf(prepared), embeddings, tokenizer, targets))];
        Unfinished = Samples.Length;
    }

    public GenerationRequest Request { get; }

    /// <summary>The confidence below which samples end, where the first of them set it; null until then.</summary>
    public float? Bar { get; private set; }

    /// <summary>Samples that start at once; the others wait until these have ended and set the bar.</summary>
    public IEnumerable<SampleRun> First => Request.Sampling.DeepConf is { Bar: null } exit ? Samples.Take(exit.Warmup) : Samples;

    /// <summary>Samples that may start now that the first have ended; none before that, or a second time.</summary>
    public IReadOnlyList<SampleRun> TakeRest()
    {
        if (Bar != null || Request.Sampling.DeepConf is not { Bar: null } exit || First.Any(run => run.Stage != SequenceStage.Ended))
            return [];
        float bar = ConfidenceTrace.Bar(First.Select(run => run.Confidence!.Least), exit.ConfidencePercentile);
        SampleRun[] rest = Samples[Math.Min(exit.Warmup, Samples.Length)..];
        foreach (SampleRun run in rest)
            run.Setup = run.Setup.WithBar(exit, bar);
        Bar = bar;
        return rest;
    }

    public SampleRun[] Samples { get; }

    /// <summary>Whether steps read memory of the caller's, who gets it back with the end of the generation.</summary>
    public bool ReadsMemory { get; }

    /// <summary>Whether a step in flight has rows of it; for the engine's thread.</summary>
    public bool InFlight => Samples.Any(run => run.StepsInFlight > 0);

    /// <summary>Samples that have not ended; kept by the engine's thread.</summary>
    public int Unfinished { get; set; }

    public long SubmittedAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>Why it cannot be finished; set before the last signal.</summary>
    public Exception? Failure { get; private set; }

    public bool Cancelled
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>Whether the thoughts in progress are to end; the engine's thread resets it.</summary>
    public bool ThinkingEnds
    {
        get => Volatile.Read(ref field);
        set => Volatile.Write(ref field, value);
    }

    /// <summary>Ends the thoughts in progress.</summary>
    public void EndThinking()
    {
        ThinkingEnds = true;
        _wake();
    }

    /// <summary>The rest is no longer wanted.</summary>
    public void Cancel()
    {
        Cancelled = true;
        _wake();
    }

    /// <summary>Signals a new token to the reader.</summary>
    public void SignalToken()
    {
        if (_signalsEveryToken)
            _signal.Writer.TryWrite(true);
    }

    /// <summary>Signals the end to the reader.</summary>
    public void SignalEnd(Exception? failure = null)
    {
        Failure ??= failure;
        _signal.Writer.TryComplete();
        _ended.TrySetResult();
    }

    /// <summary>Waits until the engine has ended it.</summary>
    public Task EndAsync() => _ended.Task;

    /// <summary>Waits for a signal; false at the end.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellation)
    {
        bool more = await _signal.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false);
        _signal.Reader.TryRead(out _);
        return more;
    }

    private static TokenHistory HistoryOf(PreparedRequest prepared)
    {
        int ahead = Math.Min(prepared.MaxNewTokens, Sequence.TokensAhead), entries = 0;
        foreach (ConceptToken token in prepared.Prompt)
            entries += token.Count;
        TokenHistory history = new(prepared.Prompt.Count + ahead, entries + 2 * ahead);
        foreach (ConceptToken token in prepared.Prompt)
            history.Append(token);
        return history;
    }

    private static ulong RandomSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BitConverter.ToUInt64(bytes) % SeedLimit;
    }
}
