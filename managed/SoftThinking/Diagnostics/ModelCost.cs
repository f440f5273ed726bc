namespace SoftThinking.Diagnostics;

/// <summary>Lower bounds of bytes and multiply-adds per step: with the ceilings of a machine (<see cref="MachineRates"/>), the floor of
/// its times.</summary>
/// <param name="WeightBytes">Bytes of the weights in memory, packed.</param>
/// <param name="WeightBytesPerStep">Those of them that every step reads: all but experts and an embedding which is not the LM head.</param>
/// <param name="KvBytesPerToken">Bytes of keys and values of a position, which each later step of its sequence reads.</param>
/// <param name="MultiplyAddsPerToken">Of the products with weights, for a position, without the LM head.</param>
/// <param name="MultiplyAddsPerSample">Of the LM head, for a position that is sampled from.</param>
/// <param name="MultiplyAddsPerPair">Of attention, for a position and one that it looks at. In f32 always.</param>
/// <param name="Products">Number format of the products with weights, where the machine has it.</param>
/// <param name="ExpertBytes">Bytes of the experts, of which a step reads those that its positions use.</param>
/// <param name="ExpertShare">The part of its experts that a position uses; 0 without experts.</param>
public sealed record ModelCost(
    long WeightBytes, long WeightBytesPerStep, long KvBytesPerToken, long MultiplyAddsPerToken, long MultiplyAddsPerSample,
    long MultiplyAddsPerPair, ProductFormat Products, long ExpertBytes = 0, double ExpertShare = 0)
{
    /// <summary>Bytes of weights that a step of so many positions reads. Of experts that is an expectation: as if each position chose its own
    /// at random, independently of the others.</summary>
    public double WeightBytesRead(int positions) => WeightBytesPerStep + ExpertBytes * (1 - Math.Pow(1 - ExpertShare, positions));

    /// <summary>For each layer the positions that its attention sees, the row's own included; null: all.</summary>
    public IReadOnlyList<int?> Windows { get; init; } = [null];

    /// <summary>Positions that the last of a sequence sees, on average over the layers.</summary>
    /// <param name="positions">Of the sequence.</param>
    public double PositionsSeen(int positions) => Windows.Average(window => (double)Math.Min(positions, window ?? positions));

    /// <summary>Pairs of a position of a prompt and one that it sees, on average over the layers.</summary>
    /// <param name="prompt">Positions of the prompt.</param>
    public double PairsSeen(int prompt) => Windows.Average(window =>
    {
        double seen = Math.Min(prompt, window ?? prompt);
        return seen * (seen + 1) / 2 + (prompt - seen) * seen;
    });
}
