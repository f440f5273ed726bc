namespace SoftThinking.Interop.Cuda;

/// <summary>Positions of a prompt whose inputs to the model are a caller's rows, such as the output of an image encoder, in the space
/// of the model's token embeddings. The engine does not copy them: the memory must neither change nor be freed before the task or the
/// enumeration of the generation has ended. Until then the engine may read it several times, because it computes a sequence again
/// that had to release its part of the KV cache.</summary>
/// <param name="DevicePointer">The rows [rows, width] without padding, aligned to their numbers. On CUDA a CUdeviceptr of the primary context of
/// the engine's device (or managed or page-locked memory); on the CPU an address.</param>
/// <param name="Rows">Number of rows, and so of positions: 1 or more.</param>
/// <param name="Width">Numbers of a row: the model's hidden size.</param>
/// <param name="Type">Their format. They are converted to the engine's activations.</param>
public sealed record EmbeddingPart(nint DevicePointer, int Rows, int Width, EmbeddingType Type) : PromptPart
{
    /// <summary>The rows [rows, width] without padding: a CUdeviceptr, or on the CPU an address. Not 0.</summary>
    public nint DevicePointer { get; init => field = NotZero(value); } = NotZero(DevicePointer);

    /// <summary>Number of rows, and so of positions: 1 or more.</summary>
    public int Rows { get; init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more"); }
        = OptionRange.Check(Rows, 1, int.MaxValue, "1 or more", nameof(Rows));

    /// <summary>Numbers of a row: the model's hidden size, 1 or more.</summary>
    public int Width { get; init => field = OptionRange.Check(value, 1, int.MaxValue, "1 or more"); }
        = OptionRange.Check(Width, 1, int.MaxValue, "1 or more", nameof(Width));

    /// <summary>Format of the numbers.</summary>
    public EmbeddingType Type { get; init => field = Known(value); } = Known(Type);

    /// <summary>A CUevent that was recorded after the rows were written, and that the engine's stream waits for before it reads them first; it
    /// must live as long as the rows. 0 where they are there already, as always on the CPU.</summary>
    public nint ReadyEvent { get; init; }

    internal long Bytes => (long)Rows * Width * ElementBytes;

    internal int ElementBytes => Type == EmbeddingType.F32 ? sizeof(float) : sizeof(ushort);

    internal NativeDtype Dtype => Type switch
    {
        EmbeddingType.F32 => NativeDtype.F32,
        EmbeddingType.F16 => NativeDtype.F16,
        _ => NativeDtype.Bf16,
    };

    private static nint NotZero(nint pointer) =>
        pointer != 0 ? pointer : throw OptionRange.Error(pointer, "the address of the rows", nameof(DevicePointer));

    private static EmbeddingType Known(EmbeddingType type) =>
        Enum.IsDefined(type) ? type : throw OptionRange.Error(type, "F32, F16 or Bf16", nameof(Type));
}
