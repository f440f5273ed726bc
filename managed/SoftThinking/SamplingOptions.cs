namespace SoftThinking;

/// <summary>How a sequence is sampled. The defaults are those published with Soft Thinking (arXiv 2505.15778).</summary>
public sealed record SamplingOptions
{
    /// <summary>Whether thoughts are concept tokens; otherwise every token is drawn with <see cref="AfterThinking"/>.</summary>
    public bool SoftThinking { get; init; } = true;

    /// <summary>Filters while the model thinks softly.</summary>
    public FilterOptions Thinking
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Thinking));
    } = new() { MinP = 0.001f };

    /// <summary>Filters of the answer, and of everything when soft thinking is off.</summary>
    public FilterOptions AfterThinking
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(AfterThinking));
    } = new();

    /// <summary>What a thought feeds to the next step.</summary>
    public ThinkingStrategy Strategy
    {
        get;
        init => field = OptionRange.NotNull(value);
    } = new SoftStrategy();

    /// <summary>Maximum entries of a mixture: 1 to 1024, or less where the <see cref="Strategy"/> says so; null for the default of the
    /// strategy, for most of them 10.</summary>
    public int? MaxTopk
    {
        get;
        init => field = value is int entries ? OptionRange.Check(entries, 1, ConceptToken.MaxEntries, "1 to 1024") : null;
    }

    /// <summary>Cold stop: a thought counts as certain below this entropy, in nats; 0 turns it off.</summary>
    public float EarlyStoppingEntropyThreshold
    {
        get;
        init => field = OptionRange.Check(value, 0, 1000, "0 to 1000 nats");
    } = 0.01f;

    /// <summary>Cold stop: number of certain thoughts in a row that end the thinking; 1 or more.</summary>
    public int EarlyStoppingLengthThreshold
    {
        get;
        init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more");
    } = 256;

    /// <summary>Whether the same number of certain tokens in a row also ends the answer.</summary>
    public bool ColdStopAfterThinking { get; init; }

    /// <summary>Thinking budget: number of thoughts after which the end of thinking is forced, 0 or more; null for no limit.</summary>
    public int? MaxThinkingTokens
    {
        get;
        init => field = value is int tokens ? OptionRange.Check(tokens, 0, int.MaxValue, "0 or more") : null;
    }

    /// <summary>Marker that starts a thought, at most 16 tokens of the model; null for the one of the model's family.</summary>
    public string? ThinkStart
    {
        get;
        init => field = OptionRange.NotEmpty(value);
    }

    /// <summary>Marker that ends a thought, at most 16 tokens of the model; null for the one of the model's family.</summary>
    public string? ThinkEnd
    {
        get;
        init => field = OptionRange.NotEmpty(value);
    }

    /// <summary>Text that follows when the end of thinking was forced; at most 64 tokens.</summary>
    public string ThinkEndText
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value, nameof(ThinkEndText));
            field = value;
        }
    } = "";

    /// <summary>Early exit by falling entropy; null for none.</summary>
    public CusumExit? Cusum { get; init; }

    /// <summary>Early exit by low confidence; null for none.</summary>
    public DeepConfExit? DeepConf { get; init; }

    /// <summary>Early exit by settled probes; null for none.</summary>
    public EatExit? Eat { get; init; }

    /// <summary>Early exit by confident probes; null for none.</summary>
    public DeerExit? Deer { get; init; }

    /// <summary>Divides the logits of tokens seen in the prompt or the output when positive, multiplies them when negative:
    /// above 0, at most 100; 1 is off.</summary>
    public float RepetitionPenalty
    {
        get;
        init => field = OptionRange.Check(value, 0.0001f, 100, "0.0001 to 100");
    } = 1;

    /// <summary>Subtracted from a logit for each time that the id was emitted: -100 to 100; 0 is off.</summary>
    public float FrequencyPenalty
    {
        get;
        init => field = OptionRange.Check(value, -100, 100, "-100 to 100");
    }

    /// <summary>Subtracted from the logit of every id that was emitted: -100 to 100; 0 is off.</summary>
    public float PresencePenalty
    {
        get;
        init => field = OptionRange.Check(value, -100, 100, "-100 to 100");
    }

    /// <summary>Added to the logits of ids, after the penalties: at most 1,024 ids within the model's vocabulary, each -1000 to 1000.</summary>
    public IReadOnlyDictionary<int, float> LogitBias
    {
        get;
        init
        {
            ArgumentNullException.ThrowIfNull(value, nameof(LogitBias));
            Dictionary<int, float> copy = new(value);
            if (copy.Count > MaxBiases || copy.Any(bias => bias.Key < 0 || !(bias.Value >= -1000 && bias.Value <= 1000)))
                throw new ArgumentOutOfRangeException(nameof(LogitBias), $"{nameof(LogitBias)} must be at most {MaxBiases} ids of 0 or more, each -1000 to 1000");
            field = copy.Count > 0 ? copy : NoBias;
        }
    } = NoBias;

    /// <summary>Seed of all randomness of the sequence; null for a random one, which <see cref="GenerationStarted"/> and
    /// <see cref="GeneratedSample"/> report.</summary>
    public ulong? Seed { get; init; }

    internal const int MaxBiases = 1024;

    /// <summary>Whether these options may end a thought that the model goes on with.</summary>
    internal bool EndsThoughts => SoftThinking || MaxThinkingTokens != null || Cusum != null || Eat != null || Deer != null;

    /// <summary><see cref="MaxTopk"/>, or the default of the strategy.</summary>
    internal int Topk => MaxTopk ?? Strategy.DefaultTopk;

    /// <summary>Most entries of a concept token that these options give; see <see cref="EngineOptions.MaxTopk"/>.</summary>
    public int Entries => Math.Min(Strategy.Entries(Topk), ConceptToken.MaxEntries); // a request for more is refused, by the name of the strategy

    // One for all, so that equal options are equal.
    private static readonly IReadOnlyDictionary<int, float> NoBias = new Dictionary<int, float>();
}
