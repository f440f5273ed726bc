namespace SoftThinking.Diagnostics;

/// <summary>Number format of multiply-adds.</summary>
public enum ProductFormat
{
    /// <summary>32-bit floats.</summary>
    F32,

    /// <summary>16-bit floats, summed in f32.</summary>
    F16,

    /// <summary>bfloat16, summed in f32.</summary>
    Bf16,

    /// <summary>8-bit integers, summed in 32 bits.</summary>
    Int8,
}

/// <summary>Where the steps of one kind spent their time, as measured on the device.</summary>
/// <param name="Decodes">Whether every row continued a sequence; otherwise the steps included rows of prompts.</param>
/// <param name="Rows">Rows of each step: positions that it computed.</param>
/// <param name="Steps">How many steps there were.</param>
/// <param name="Operations">In the order of their first call. Their times add up to the step's time, except for pauses of
/// the device before its first operation.</param>
public sealed record StepProfile(bool Decodes, int Rows, int Steps, IReadOnlyList<OperationProfile> Operations);

/// <summary>All calls of an operation of one size in the steps of a <see cref="StepProfile"/>.</summary>
/// <param name="Name">Kind and size: rows first, products as rows x inputs -> outputs.</param>
/// <param name="Calls">How many calls there were in all steps.</param>
/// <param name="Seconds">Of all calls together.</param>
/// <param name="Bytes">Bytes that all calls have to read and write: weights, keys and values, activations. Of an embedding as if
/// every entry of a concept token were used.</param>
/// <param name="MultiplyAdds">Of all calls.</param>
/// <param name="Format">Of the multiply-adds.</param>
public sealed record OperationProfile(
    string Name, long Calls, double Seconds, long Bytes, long MultiplyAdds, ProductFormat Format);
