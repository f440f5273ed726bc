using System.Diagnostics;
using System.Threading.Channels;
using SoftThinking.Execution;
using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>A request under way: its samples, and the channel on which the engine's thread says that there is more to
/// read. What is to be read stays with the samples, so the channel holds one signal at most.</summary>
internal sealed class Generation
{
    private readonly Channel<bool> _news = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true, SingleWriter = true });

    private readonly bool _tellsEveryStep;
    private readonly Action _wake;

    /// <param name="most">Most new tokens.</param>
    /// <param name="tellsEveryStep">Whether the reader wants to know of each step, not only of the end.</param>
    /// <param name="wake">Called after <see cref="Cancel"/>.</param>
    public Generation(GenerationRequest request, SlotSetup setup, int most, bool tellsEveryStep, Action wake)
    {
        (Request, _tellsEveryStep, _wake) = (request, tellsEveryStep, wake);
        Samples = [.. Enumerable.Range(0, request.Samples).Select(i =>
            new SampleRun(this, i, HistoryOf(request.Prompt, most), request.Prompt.Count + most, request.Priority, request.LogProbs)
            {
                Setup = setup.ForSample(i),
            })];
        Unfinished = Samples.Length;
    }

    public GenerationRequest Request { get; }

    public SampleRun[] Samples { get; }

    /// <summary>Samples that have not ended; kept by the engine's thread.</summary>
    public int Unfinished { get; set; }

    public long SubmittedAt { get; } = Stopwatch.GetTimestamp();

    /// <summary>Why it cannot be finished; set before the last news.</summary>
    public Exception? Failure { get; private set; }

    public bool Cancelled
    {
        get => Volatile.Read(ref field);
        private set => Volatile.Write(ref field, value);
    }

    /// <summary>Nobody wants the rest.</summary>
    public void Cancel()
    {
        Cancelled = true;
        _wake();
    }

    /// <summary>Tells the reader of a step.</summary>
    public void TellStep()
    {
        if (_tellsEveryStep)
            _news.Writer.TryWrite(true);
    }

    /// <summary>Tells the reader that nothing more comes.</summary>
    public void TellEnd(Exception? failure = null)
    {
        Failure ??= failure;
        _news.Writer.TryComplete();
    }

    /// <summary>Waits for news; false when nothing more comes.</summary>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellation)
    {
        bool more = await _news.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false);
        _news.Reader.TryRead(out _);
        return more;
    }

    private static TokenHistory HistoryOf(IReadOnlyList<ConceptToken> prompt, int most)
    {
        int steps = Math.Min(most, Sequence.StepsAhead), entries = 0;
        foreach (ConceptToken token in prompt)
            entries += token.Ids.Length;
        TokenHistory history = new(prompt.Count + steps, entries + 2 * steps);
        foreach (ConceptToken token in prompt)
            history.Append(token.Ids.AsSpan(), token.Weights.AsSpan());
        return history;
    }
}
