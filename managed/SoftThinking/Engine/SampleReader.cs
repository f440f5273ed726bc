using System.Diagnostics.CodeAnalysis;
using SoftThinking.Interop;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Turns the recorded steps of a sample into events, on the thread of whoever asks.</summary>
internal sealed class SampleReader
{
    private readonly SampleRun _run;
    private readonly StreamingDecoder _decoder;
    private readonly ThoughtTracker _thought;
    private readonly StopText _stop;
    private readonly Queue<GenerationEvent> _decided = [];
    private int _steps;
    private int _thinkingSteps;

    public SampleReader(SampleRun run, Tokenizer tokenizer)
    {
        GenerationRequest request = run.Generation.Request;
        _run = run;
        _decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: true);
        _thought = new ThoughtTracker(tokenizer, request.Prompt, request.Sampling.SoftThinking, run.Setup.ThinkEndId);
        _stop = new StopText(request.StopStrings);
    }

    /// <summary>Whether the last event was given out.</summary>
    public bool Ended { get; private set; }

    /// <summary>The next event, if it is there.</summary>
    public bool TryRead([NotNullWhen(true)] out GenerationEvent? next)
    {
        while (!_decided.TryDequeue(out next))
        {
            if (Ended || _steps == _run.Steps)
                return false;
            ReadStep();
        }
        Ended = next is GenerationFinished;
        return true;
    }

    private void ReadStep()
    {
        int step = _steps++;
        bool last = _run.IsLast(step);
        bool stopped = _stop.Append(StepAt(step, last), _decided);
        if (stopped)
            _run.StopRequested = true;
        else if (last)
            _stop.Flush(_decided);
        if (stopped || last)
            _decided.Enqueue(Finished(stopped ? FinishReason.Stop : _run.FinishReason));
    }

    private GenerationStep StepAt(int step, bool last)
    {
        ConceptToken token = _run.Tokens[_run.PromptLength + step];
        StepFlags flags = _run.FlagsOf(step);
        (bool thinking, bool marker) = _thought.Append(token.Head);
        _thinkingSteps += thinking ? 1 : 0;
        // The id that ends a text is no part of it.
        string text = last && _run.FinishReason == FinishReason.Stop ? "" : _decoder.Append(token.Head);
        return new GenerationStep
        {
            Sample = _run.Index,
            Token = token,
            Text = last ? text + _decoder.Flush() : text,
            Entropy = _run.EntropyOf(step),
            Soft = flags.HasFlag(StepFlags.Soft),
            Thinking = thinking,
            Marker = marker,
            ThinkingEnd = thinking && !_thought.Thinking ? ThoughtTracker.EndOf(flags) : null,
            LogProbs = _run.LogProbsOf(step),
        };
    }

    private GenerationFinished Finished(FinishReason reason) => new()
    {
        Sample = _run.Index,
        Reason = reason,
        Usage = new Usage(_run.PromptLength, _run.CachedTokens, _thinkingSteps, _steps),
    };
}
