using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>The least time that a machine's ceilings allow a model.</summary>
internal sealed class Floor(MachineRates machine, ModelCost cost)
{
    /// <summary>Seconds of arithmetic of prompts, each with the logits of its last position.</summary>
    public double PrefillSeconds(int batch, int prompt) =>
        Arithmetic((double)batch * prompt, batch, batch * (prompt * (prompt + 1.0) / 2));

    /// <summary>Seconds of arithmetic of a step that decodes a position of each sequence.</summary>
    /// <param name="positions">Positions of a sequence.</param>
    public double DecodeSeconds(int batch, int positions) => Arithmetic(batch, batch, (double)batch * positions);

    /// <summary>Bytes of the weights, and of the keys and values of each sequence, which a step reads once.</summary>
    public double BytesPerStep(int batch, int positions) => cost.WeightBytesPerStep + (double)batch * positions * cost.KvBytesPerToken;

    /// <summary>Seconds that the bytes or the multiply-adds of an operation take, whichever takes longer.</summary>
    public double Seconds(OperationProfile operation)
    {
        double arithmetic = operation.MultiplyAdds / RateOf(operation.Format);
        return Math.Max(operation.Bytes / machine.ReadBandwidth, arithmetic);
    }

    /// <summary>Multiply-adds per second of a number format; where the machine has no instruction for it, those of f32.</summary>
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
