using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>Lower bounds of a model's times, from the peak rates of a machine.</summary>
internal sealed class Floor(MachineRates machine, ModelCost cost)
{
    /// <summary>Minimum seconds of arithmetic of a prefill, with the logits of the last position of each prompt.</summary>
    public double PrefillSeconds(int batch, int prompt) =>
        Arithmetic((double)batch * prompt, batch, batch * cost.PairsSeen(prompt));

    /// <summary>Minimum seconds of arithmetic of an engine step that decodes one token of each sequence.</summary>
    /// <param name="positions">Positions of a sequence.</param>
    public double DecodeSeconds(int batch, int positions) => Arithmetic(batch, batch, batch * cost.PositionsSeen(positions));

    /// <summary>Bytes that an engine step reads: the weights, of experts as many as are expected, and the keys and values that each sequence sees,
    /// once.</summary>
    public double BytesPerStep(int batch, int positions) => cost.WeightBytesRead(batch) + batch * cost.PositionsSeen(positions) * cost.KvBytesPerToken;

    /// <summary>Minimum seconds of an operation, from its bytes or its multiply-adds, whichever take longer.</summary>
    public double Seconds(OperationProfile operation)
    {
        double arithmetic = operation.MultiplyAdds / RateOf(operation.Format);
        return Math.Max(operation.Bytes / machine.ReadBandwidth, arithmetic);
    }

    /// <summary>Multiply-adds per second of a number format; those of f32 if the machine has no instruction for it.</summary>
    private double RateOf(ProductFormat format)
    {
        double rate = format switch
        {
            ProductFormat.Bf16 => machine.MultiplyAddsBf16,
            ProductFormat.Int8 => machine.MultiplyAddsInt8,
            _ => machine.MultiplyAddsF32,
        };
        return rate > 0 ? rate : machine.MultiplyAddsF32;
    }

    private double Arithmetic(double tokens, double samples, double pairs) =>
        (tokens * cost.MultiplyAddsPerToken + samples * cost.MultiplyAddsPerSample) / RateOf(cost.Products)
            + pairs * cost.MultiplyAddsPerPair / machine.MultiplyAddsF32;
}
