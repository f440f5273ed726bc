using System.Diagnostics;
using SoftThinking.Cache;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Scheduling;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>One sample in progress, or one that was recorded and is scored. The engine's thread records the generated tokens; the caller reads behind it, up to the
/// number that <see cref="Generated"/> returns.</summary>
internal sealed class SampleRun : Sequence
{
    private readonly int _logProbs;
    private readonly StopMatcher? _stops;
    private float[] _entropies;
    private StepFlags[] _flags;
    private TokenLogProbs[] _reported = [];
    private readonly StepRecords? _records;
    private int _count = int.MaxValue; // of all tokens, once the last is recorded

    public SampleRun(Generation generation, int index, ulong seed, PreparedRequest prepared, TokenHistory tokens, EmbeddingSpan[] embeddings, Tokenizer tokenizer,
        ScoreTargets? targets = null)
        : base(tokens, prepared.Prompt.Count + prepared.MaxNewTokens, prepared.Request.Priority, embeddings)
    {
        (Generation, Index, Seed, OpenThought, Setup) = (generation, index, seed, prepared.OpenThought, prepared.Setup.WithSeed(seed));
        StartsText = prepared.Encoded.StartsText;
        GenerationRequest request = prepared.Request;
        Targets = targets;
        _logProbs = request.LogProbs ?? -1;
        _stops = request.StopStrings.Count > 0 ? new StopMatcher(tokenizer, request, StartsText) : null;
        _records = request.Record ? new StepRecords() : null;
        Confidence = request.Sampling.DeepConf is DeepConfExit exit ? new ConfidenceTrace(exit.Window) : null;
        int ahead = Math.Min(prepared.MaxNewTokens, TokensAhead);
        (_entropies, _flags) = (new float[ahead], new StepFlags[ahead]);
    }

    public Generation Generation { get; }

    public int Index { get; }

    public ulong Seed { get; }

    /// <summary>End of the prompt that opens a thought.</summary>
    public string OpenThought { get; }

    /// <summary>Whether the sample is a text of its own, as <see cref="EncodedPrompt.StartsText"/> says.</summary>
    public bool StartsText { get; }

    /// <summary>Generated tokens that were recorded.</summary>
    public int Generated => Tokens.Count - PromptLength;

    /// <summary>Why the sample ended; valid once its last token is recorded, like <see cref="Stop"/>.</summary>
    public FinishReason FinishReason { get; private set; }

    public StopMatch? Stop { get; private set; }

    /// <summary>The confidences so far, where an early exit asks for them; kept by the engine's thread until the last token is recorded.</summary>
    public ConfidenceTrace? Confidence { get; }

    /// <summary>What stopped its thoughts so far; kept by the engine's thread.</summary>
    public StepFlags Stops { get; private set; }

    /// <summary>Whether the sample waits to start; kept by the engine's thread.</summary>
    public bool Queued { get; set; } = true;

    /// <summary>When the last token was recorded, in units of <see cref="Stopwatch.GetTimestamp"/>.</summary>
    public long LastTokenAt { get; set; }

    /// <summary>A sampled token that waits for a probe in its place.</summary>
    public HeldRow? Held { get; set; }

    /// <summary>The stop string that the next token completes, if any. To be called for each token, in order.</summary>
    public string? MatchStop(SampledRow row) => _stops?.Append(row.Token, (row.Flags & StepFlags.Thinking) != 0);

    /// <summary>Records a token; with a reason it is the last.</summary>
    public void Record(SampledRow row, FinishReason? reason, StopMatch? stop)
    {
        int token = Generated;
        if (token == _entropies.Length)
        {
            Array.Resize(ref _entropies, 2 * token);
            Array.Resize(ref _flags, 2 * token);
        }
        _entropies[token] = row.Entropy;
        _flags[token] = row.Flags;
        Stops |= row.Flags & MarkerTracker.Stops;
        if (_logProbs >= 0)
            RecordLogProbs(token, row);
        _records?.Append(row);
        Confidence?.Add(row.Record.Confidence);
        if (reason is FinishReason finish)
        {
            (FinishReason, Stop) = (finish, stop);
            Volatile.Write(ref _count, token + 1);
        }
        Tokens.Append(row.Token, row.Ids, row.Weights); // publishes all of it
    }

    /// <summary>Whether a recorded token is the last one.</summary>
    public bool IsLast(int token) => token + 1 == Volatile.Read(ref _count);

    public ConceptToken TokenAt(int token) => Tokens[PromptLength + token];

    public float EntropyAt(int token) => _entropies[token];

    public StepFlags FlagsAt(int token) => _flags[token];

    public TokenLogProbs? LogProbsAt(int token) => _logProbs < 0 ? null : _reported[token];

    /// <param name="hard">Whether the mode is hard, this token included.</param>
    public TokenRecord? RecordAt(int token, bool hard) => _records?.At(token, _flags[token], hard);

    private void RecordLogProbs(int token, SampledRow row)
    {
        if (token >= _reported.Length)
            Array.Resize(ref _reported, Math.Max(64, 2 * token));
        var top = new (int, float)[_logProbs];
        for (int i = 0; i < top.Length; i++)
            top[i] = (row.TopIds[i], row.TopLogProbs[i]);
        _reported[token] = new TokenLogProbs(row.TokenLogProb, top);
    }
}
