using SoftThinking.Cache;
using SoftThinking.Thinking;

namespace SoftThinking.Scheduling;

/// <summary>A sequence that is being generated, as the scheduler sees it: its length, how far it is computed, and its
/// blocks.</summary>
internal class Sequence
{
    /// <summary>New tokens that the lists of a sequence have capacity for from the start; longer sequences grow them.</summary>
    public const int TokensAhead = 1024;

    /// <param name="tokens">The prompt; sampled tokens are appended as the host reads them.</param>
    /// <param name="maxLength">Maximum length in tokens, prompt included.</param>
    /// <param name="embeddings">Positions of the prompt that are no tokens, in their order; the history has any token there.</param>
    public Sequence(TokenHistory tokens, int maxLength, int priority, EmbeddingSpan[]? embeddings = null)
    {
        Embeddings = embeddings ?? [];
        (Tokens, PromptLength, MaxLength, Priority) = (tokens, tokens.Count, maxLength, priority);
        Length = PromptLength;
        Hashes = new List<PrefixHash>(KvCache.BlocksFor(Math.Min(maxLength, PromptLength + TokensAhead)));
    }

    public TokenHistory Tokens { get; }

    public int PromptLength { get; }

    /// <summary>Positions of the prompt whose inputs are a caller's rows.</summary>
    public EmbeddingSpan[] Embeddings { get; }

    /// <summary>Leading positions whose keys and values their tokens determine, so that other sequences may share them.</summary>
    public int SharedPositions => Embeddings.Length > 0 ? Embeddings[0].First : int.MaxValue;

    public int MaxLength { get; }

    /// <summary>What the last positions are scored for; null for a sequence that is sampled. A scored one has all its tokens.</summary>
    public ScoreTargets? Targets { get; init; }

    /// <summary>The first position that must be computed even if its keys and values are known, because its logits are needed.</summary>
    public int FirstNeeded => Targets?.Next ?? Length - 1;

    /// <summary>How the sequence is sampled; the scheduler ignores it.</summary>
    public SlotSetup Setup { get; set; }

    /// <summary>Each level counts as <see cref="Scheduler.ArrivalsPerPriority"/> earlier arrivals.</summary>
    public int Priority { get; }

    /// <summary>Position in the order of arrival; set by the scheduler.</summary>
    public long Arrival { get; set; }

    /// <summary>Tokens of the sequence once all launched steps are done; the host may not yet have read the last of
    /// them.</summary>
    public int Length { get; set; }

    /// <summary>Positions whose keys and values the launched steps write.</summary>
    public int Computed { get; set; }

    /// <summary>Launched steps with rows of this sequence that the host has not read.</summary>
    public int StepsInFlight { get; set; }

    /// <summary>Those of them that sample a token of it.</summary>
    public int SamplesInFlight { get; set; }

    public SequenceStage Stage { get; set; }

    /// <summary>Index of the sequence's state on the device; -1 if it has none yet.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>For each group of layers a block table, all for the same positions; set by the scheduler.</summary>
    public BlockTable[] Tables { get; set; } = [];

    /// <summary>Blocks of each table up to the last position.</summary>
    public int Blocks => Tables.Length == 0 ? 0 : Tables[0].Count;

    /// <summary>Number of leading blocks that the device's tables of the slot have, once all launched steps are done.</summary>
    public int TableBlocks { get; set; }

    /// <summary>Prefix hash of each full block, as far as computed.</summary>
    public List<PrefixHash> Hashes { get; }

    /// <summary>Number of leading blocks of each table that are registered in the pool, or were absent.</summary>
    public int RegisteredBlocks { get; set; }

    /// <summary>Prompt tokens that were found in the prefix cache.</summary>
    public int CachedTokens { get; set; }

    /// <summary>The probe that the sequence waits for; null for none.</summary>
    public Probe? Probe { get; set; }

    /// <summary>Position of the next row.</summary>
    public int Next => Probe is { Fed: > 0 } probe ? probe.First + probe.Fed : Computed;

    /// <summary>Rows that the next steps must compute; 0 if the last token is in flight.</summary>
    public int Missing =>
        Probe is Probe probe ? (probe.Fed == 0 ? probe.First - Computed : 0) + probe.Left(StepsInFlight > 0)
        : Length < MaxLength ? Length - Computed
        : 0;
}

/// <summary>The stage of a sequence in the scheduler.</summary>
internal enum SequenceStage
{
    Waiting,
    Running,
    Ended,
}
