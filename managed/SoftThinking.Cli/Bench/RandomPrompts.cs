namespace SoftThinking.Cli;

/// <summary>Requests with prompts of random tokens, the same for the same seed.</summary>
internal sealed class RandomPrompts(int vocabulary, ulong seed)
{
    /// <summary>Only the model itself can end the thought, and nothing ends the text, so that the work does not depend on the
    /// weights.</summary>
    private static readonly SamplingOptions Soft = Of(new SoftStrategy());

    public static SamplingOptions Greedy { get; } = new() { SoftThinking = false, AfterThinking = new() { Temperature = 0 } };

    /// <summary>A strategy with its own defaults.</summary>
    public static SamplingOptions Of(ThinkingStrategy strategy) => new() { Strategy = strategy, EarlyStoppingEntropyThreshold = 0 };

    /// <summary>Tokens of prompt <paramref name="index"/> of a set; other indices yield other tokens.</summary>
    public ConceptToken[] Tokens(int set, int index, int length)
    {
        // SplitMix64 (Steele, Lea, Flood 2014), with a separate seed for each prompt.
        ulong state = Mix(Mix(Mix(seed) + (ulong)set) + (ulong)index);
        ConceptToken[] tokens = new ConceptToken[length];
        for (int i = 0; i < length; i++)
            tokens[i] = new ConceptToken((int)(Mix(state += 0x9E3779B97F4A7C15) % (ulong)vocabulary));
        return tokens;
    }

    /// <summary>Requests with the prompts of a set.</summary>
    /// <param name="sampling">Null for soft thinking.</param>
    public GenerationRequest[] Requests(int set, int count, int prompt, int generate, SamplingOptions? sampling = null) =>
        [.. Enumerable.Range(0, count).Select(i => Request(Tokens(set, i, prompt), i, generate, sampling))];

    public GenerationRequest Request(IReadOnlyList<ConceptToken> prompt, int index, int generate, SamplingOptions? sampling = null) => new()
    {
        Prompt = new TokenPrompt(prompt),
        Thinking = ThinkingStart.Open, // even if the random tokens contain markers
        Sampling = (sampling ?? Soft) with { Seed = seed + (ulong)index },
        MaxNewTokens = generate,
        IgnoreEndOfText = true,
    };

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
