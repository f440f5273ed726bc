using SoftThinking.Cache;
using SoftThinking.Thinking;

namespace SoftThinking.Scheduling;

/// <summary>One text that is being generated, as the scheduler sees it: how long it is, how far it is computed, which
/// blocks it has.</summary>
internal class Sequence
{
    /// <summary>New tokens for which there is room from the start; longer sequences grow their lists.</summary>
    public const int TokensAhead = 1024;

    /// <param name="tokens">The prompt; sampled tokens are appended as the host reads them.</param>
    /// <param name="maxLength">Tokens to stop at, the prompt's included.</param>
    public Sequence(TokenHistory tokens, int maxLength, int priority)
    {
        (Tokens, PromptLength, MaxLength, Priority) = (tokens, tokens.Count, maxLength, priority);
        Length = PromptLength;
        int blocks = KvCache.BlocksFor(Math.Min(maxLength, PromptLength + TokensAhead));
        (Blocks, Hashes) = (new List<int>(blocks), new List<PrefixHash>(blocks));
    }

    public TokenHistory Tokens { get; }

    public int PromptLength { get; }

    public int MaxLength { get; }

    /// <summary>How the sequence is sampled; the scheduler does not look at it.</summary>
    public SlotSetup Setup { get; init; }

    /// <summary>Each level counts as <see cref="Scheduler.ArrivalsPerPriority"/> earlier arrivals.</summary>
    public int Priority { get; }

    /// <summary>Place in the order of arrival; given by the scheduler.</summary>
    public long Arrival { get; set; }

    /// <summary>Tokens that the sequence has once all launched steps are done; the host may not have read the last of
    /// them.</summary>
    public int Length { get; set; }

    /// <summary>Positions whose keys and values the launched steps write.</summary>
    public int Computed { get; set; }

    /// <summary>Launched steps with rows of this sequence that the host has not read.</summary>
    public int StepsInFlight { get; set; }

    public SequenceStage Stage { get; set; }

    /// <summary>Where the device keeps what the sequence sampled last and how it goes on; -1: nowhere yet.</summary>
    public int Slot { get; set; } = -1;

    /// <summary>Block of each 16 positions.</summary>
    public List<int> Blocks { get; }

    /// <summary>Hash of each whole block's prefix, as far as it was asked for.</summary>
    public List<PrefixHash> Hashes { get; }

    /// <summary>Blocks, from the first, that others may find.</summary>
    public int RegisteredBlocks { get; set; }

    /// <summary>Tokens of the prompt that need not be computed, because their blocks were found.</summary>
    public int CachedTokens { get; set; }

    /// <summary>Positions that the next steps must compute; 0 when the last token is under way.</summary>
    public int Missing => Length < MaxLength ? Length - Computed : 0;
}

/// <summary>Where a sequence stands with the scheduler.</summary>
internal enum SequenceStage
{
    Waiting,
    Running,
    Ended,
}
