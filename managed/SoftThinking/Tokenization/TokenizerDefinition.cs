namespace SoftThinking.Tokenization;

/// <summary>The validated contents of tokenizer.json and the other tokenizer files.</summary>
internal sealed class TokenizerDefinition
{
    /// <summary>Ids of the model's tokens by their text: over bytes, in the byte alphabet.</summary>
    public required Dictionary<string, int> Vocabulary { get; init; }

    /// <summary>Merges by <see cref="BytePairModel.Pair"/>.</summary>
    public required Dictionary<ulong, Merge> Merges { get; init; }

    /// <summary>Whether a word that is a token needs no merges.</summary>
    public required bool IgnoreMerges { get; init; }

    /// <summary>The characters of a vocabulary over characters; null for one over bytes.</summary>
    public CharacterUnits? Characters { get; init; }

    /// <summary>The added tokens of tokenizer.json in its order, then those of the other files.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>What is done to text before it is split.</summary>
    public required TextNormalizer Normalizer { get; init; }

    /// <summary>How the text of tokens is put together again.</summary>
    public required TokenDecoder Decoder { get; init; }

    /// <summary>The splitting steps; over bytes, the last one is ByteLevel.</summary>
    public required IReadOnlyList<SplitStage> Stages { get; init; }

    /// <summary>Content of the token that ends a text; null if no file names one.</summary>
    public string? EndToken { get; init; }

    /// <summary>Ids that the post-processor adds before the text, and after it.</summary>
    public required (int[] Prefix, int[] Suffix) Template { get; init; }
}
