using System.Diagnostics.CodeAnalysis;
using SoftThinking.Interop;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Turns the recorded tokens of a sample into events, on the caller's thread.</summary>
internal sealed class SampleReader
{
    private readonly SampleRun _run;
    private readonly StreamingDecoder _decoder;
    private readonly MarkerTracker _markers;
    private readonly StopText _stops;
    private readonly List<GeneratedToken> _marked = [];
    private readonly Queue<GenerationEvent> _decided = [];
    private int _read;
    private int _thinkingTokens;
    private bool _hard; // the mode of SwiReasoning

    public SampleReader(SampleRun run, Tokenizer tokenizer)
    {
        GenerationRequest request = run.Generation.Request;
        _run = run;
        _decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: true, run.StartsText);
        _markers = new MarkerTracker(run.Setup.Markers, closed: run.Setup.State is { Thinking: 0, Opening: < 0 });
        _stops = new StopText(request.StopStrings, request.StopInThinking);
        _decided.Enqueue(new GenerationStarted
        {
            Sample = run.Index,
            PromptTokens = run.PromptLength,
            Seed = run.Seed,
            Thinking = run.Setup.State.Thinking != 0,
            OpenThought = run.OpenThought,
        });
    }

    /// <summary>Whether the last event was returned.</summary>
    public bool Ended { get; private set; }

    /// <summary>The next event, if it is available.</summary>
    public bool TryRead([NotNullWhen(true)] out GenerationEvent? next)
    {
        while (!_decided.TryDequeue(out next))
        {
            if (Ended || _read == _run.Generated)
                return false;
            ReadToken();
        }
        Ended = next is GenerationFinished;
        return true;
    }

    private void ReadToken()
    {
        int token = _read++;
        bool last = _run.IsLast(token);
        _markers.Append(TokenAt(token, last), _run.FlagsAt(token), _marked);
        if (last)
            _markers.Flush(_marked);
        for (int i = 0; i < _marked.Count; i++)
        {
            _thinkingTokens += _marked[i].Thinking ? 1 : 0;
            if (last && i == _marked.Count - 1 && _run.Stop?.Text is string stop)
                _stops.Cut(_marked[i], stop, _decided);
            else
                _stops.Append(_marked[i], _decided);
        }
        _marked.Clear();
        if (!last)
            return;
        _stops.Flush(_decided);
        _decided.Enqueue(Finished());
    }

    private GeneratedToken TokenAt(int token, bool last)
    {
        ConceptToken sampled = _run.TokenAt(token);
        StepFlags flags = _run.FlagsAt(token);
        _hard = (flags & StepFlags.ToHard) != 0 || (_hard && (flags & StepFlags.ToSoft) == 0);
        // The id that ends a text is not part of it.
        string text = last && _run.Stop?.TokenId != null ? "" : _decoder.Append(sampled.Token);
        return new GeneratedToken
        {
            Sample = _run.Index,
            Token = sampled,
            Text = last ? text + _decoder.Flush() : text,
            Entropy = _run.EntropyAt(token),
            Soft = (flags & StepFlags.Soft) != 0,
            Thinking = (flags & StepFlags.Thinking) != 0,
            Marker = false, // the tracker decides
            LogProbs = _run.LogProbsAt(token),
            Record = _run.RecordAt(token, _hard),
        };
    }

    private GenerationFinished Finished() => new()
    {
        Sample = _run.Index,
        Reason = _run.FinishReason,
        Stop = _run.Stop,
        Confidence = ConfidenceOf(_run),
        Usage = new Usage(_run.PromptLength, _run.CachedTokens, _thinkingTokens, _read),
    };

    private static SampleConfidence? ConfidenceOf(SampleRun run) => run.Confidence is ConfidenceTrace trace
        ? new(trace.Mean, trace.Least, run.Setup.Sampling.Deepconf.Window > 0 ? run.Setup.Sampling.Deepconf.Bar : null)
        : null;
}
