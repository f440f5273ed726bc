namespace SoftThinking.Tokenization;

/// <summary>One step of cutting text into words: a pattern, and before it perhaps a space in front of each
/// piece.</summary>
/// <param name="AddPrefixSpace">Whether a piece that does not begin with a space gets one.</param>
/// <param name="Pattern">Cuts the piece; null leaves it whole.</param>
internal readonly record struct SplitStage(bool AddPrefixSpace, SplitPattern? Pattern);

/// <summary>What a tokenizer.json and the files beside it say, checked.</summary>
internal sealed class TokenizerDefinition
{
    /// <summary>Ids of the model's tokens by their text in the byte alphabet.</summary>
    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>Merges by <see cref="BytePairModel.Pair"/>.</summary>
    public required Dictionary<ulong, Merge> Merges { get; init; }

    /// <summary>Whether a word that is a token needs no merges.</summary>
    public required bool IgnoreMerges { get; init; }

    /// <summary>Those of tokenizer.json in its order, then those of the files beside it.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>Whether text is brought to NFC.</summary>
    public required bool Compose { get; init; }

    /// <summary>The last one is the ByteLevel step.</summary>
    public required IReadOnlyList<SplitStage> Stages { get; init; }

    /// <summary>Content of the token that ends a text; null where no file names one.</summary>
    public string? EndToken { get; init; }

    /// <summary>Ids that the post-processor puts before the text, and after it.</summary>
    public required (int[] Prefix, int[] Suffix) Template { get; init; }
}
