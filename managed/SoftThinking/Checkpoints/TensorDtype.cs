namespace SoftThinking.Checkpoints;

/// <summary>Number format of a stored tensor: all that the safetensors format defines, so that a format which the engine
/// does not support is refused by name.</summary>
internal enum TensorDtype
{
    Bool,
    F4,
    F6E2M3,
    F6E3M2,
    U8,
    I8,
    F8E5M2,
    F8E4M3,
    F8E8M0,
    F8E5M2Fnuz,
    F8E4M3Fnuz,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
}

internal static class TensorDtypes
{
    /// <summary>One row per member of <see cref="TensorDtype"/>, in its order: name, bits per element.</summary>
    private static readonly (TensorDtype Dtype, string Name, int Bits)[] Table =
    [
        (TensorDtype.Bool, "BOOL", 8),
        (TensorDtype.F4, "F4", 4),
        (TensorDtype.F6E2M3, "F6_E2M3", 6),
        (TensorDtype.F6E3M2, "F6_E3M2", 6),
        (TensorDtype.U8, "U8", 8),
        (TensorDtype.I8, "I8", 8),
        (TensorDtype.F8E5M2, "F8_E5M2", 8),
        (TensorDtype.F8E4M3, "F8_E4M3", 8),
        (TensorDtype.F8E8M0, "F8_E8M0", 8),
        (TensorDtype.F8E5M2Fnuz, "F8_E5M2FNUZ", 8),
        (TensorDtype.F8E4M3Fnuz, "F8_E4M3FNUZ", 8),
        (TensorDtype.I16, "I16", 16),
        (TensorDtype.U16, "U16", 16),
        (TensorDtype.F16, "F16", 16),
        (TensorDtype.BF16, "BF16", 16),
        (TensorDtype.I32, "I32", 32),
        (TensorDtype.U32, "U32", 32),
        (TensorDtype.F32, "F32", 32),
        (TensorDtype.C64, "C64", 64),
        (TensorDtype.F64, "F64", 64),
        (TensorDtype.I64, "I64", 64),
        (TensorDtype.U64, "U64", 64),
    ];

    /// <summary>Name of the format as safetensors files write it, for example "BF16".</summary>
    public static string FileName(this TensorDtype dtype) => Table[(int)dtype].Name;

    /// <summary>Bits per element: 4 to 64, not always a whole number of bytes.</summary>
    public static int Bits(this TensorDtype dtype) => Table[(int)dtype].Bits;

    /// <summary>The format named <paramref name="name"/> in safetensors files, or null if there is none.</summary>
    public static TensorDtype? Find(string name)
    {
        foreach ((TensorDtype dtype, string known, _) in Table)
        {
            if (known == name)
                return dtype;
        }
        return null;
    }
}
