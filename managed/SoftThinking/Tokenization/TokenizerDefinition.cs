namespace SoftThinking.Tokenization;

/// <summary>One step of splitting text into words: optionally prefixes each piece with a space, then splits it by a
/// pattern.</summary>
/// <param name="AddPrefixSpace">Whether a space is added to a piece that does not start with one.</param>
/// <param name="Pattern">Splits the piece; null keeps it whole.</param>
internal readonly record struct SplitStage(bool AddPrefixSpace, SplitPattern? Pattern);

/// <summary>The validated contents of tokenizer.json and the other tokenizer files.</summary>
internal sealed class TokenizerDefinition
{
    /// <summary>Ids of the model's tokens by their text in the byte alphabet.</summary>
    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>Merges by <see cref="BytePairModel.Pair"/>.</summary>
    public required Dictionary<ulong, Merge> Merges { get; init; }

    /// <summary>Whether a word that is a token needs no merges.</summary>
    public required bool IgnoreMerges { get; init; }

    /// <summary>The added tokens of tokenizer.json in its order, then those of the other files.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>Whether text is normalized to NFC.</summary>
    public required bool Compose { get; init; }

    /// <summary>The splitting steps; the last one is ByteLevel.</summary>
    public required IReadOnlyList<SplitStage> Stages { get; init; }

    /// <summary>Content of the token that ends a text; null if no file names one.</summary>
    public string? EndToken { get; init; }

    /// <summary>Ids that the post-processor adds before the text, and after it.</summary>
    public required (int[] Prefix, int[] Suffix) Template { get; init; }
}
