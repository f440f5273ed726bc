using System.Collections.Immutable;

namespace SoftThinking;

/// <summary>The values that generation_config.json recommends for sampling from a model. Null means that the file, or the whole
/// file, says nothing.</summary>
public sealed record GenerationDefaults
{
    /// <summary>Divisor of the logits, "temperature": 0 (greedy) to 100.</summary>
    public double? Temperature { get; init; }

    /// <summary>Probability that the kept tokens reach together, "top_p": above 0, at most 1 (off).</summary>
    public double? TopP { get; init; }

    /// <summary>Tokens kept, "top_k": 0 or more; 0 is off. The file's -1 becomes 0.</summary>
    public int? TopK { get; init; }

    /// <summary>Minimum probability kept, as a fraction of the largest, "min_p": 0 (off) to 1.</summary>
    public double? MinP { get; init; }

    /// <summary>Penalty on tokens seen before, "repetition_penalty": above 0, at most 100; 1 is off.</summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Whether to sample rather than take the likeliest token, "do_sample".</summary>
    public bool? DoSample { get; init; }

    /// <summary>Tokens that end generation; may be empty. "eos_token_id" of generation_config.json, or of config.json where
    /// the former does not exist or has no such key; and in addition the tokenizer's "eos_token" (tokenizer_config.json or
    /// special_tokens_map.json). transformers reads the first two in the same order; the tokenizer's own end is what chat
    /// models are trained to write, and some checkpoints name it nowhere else.</summary>
    public required ImmutableArray<int> EosIds { get; init; }

    /// <summary>Adds the end of text that the tokenizer names.</summary>
    /// <param name="id">Null where it names none; ignored where the model's vocabulary has no such token.</param>
    internal GenerationDefaults WithTokenizerEnd(int? id, int vocabularySize) =>
        id is int end && end < vocabularySize && !EosIds.Contains(end) ? this with { EosIds = EosIds.Add(end) } : this;
}
