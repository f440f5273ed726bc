using System.Collections.Immutable;
using SoftThinking.Interop;

namespace SoftThinking.Checkpoints;

/// <summary>How the elements of a matrix are stored.</summary>
/// <param name="Name">In reports; the name that the safetensors format defines, where it does.</param>
/// <param name="Stored">Type of the stored tensor.</param>
/// <param name="Dtype">The format's name in the backends, which pack it.</param>
/// <param name="BlockElements">Consecutive elements of a row that are stored together; 1: each on its own.</param>
/// <param name="BlockBytes">Bytes of these elements.</param>
/// <param name="Tile">Columns that a shard cannot cut.</param>
internal sealed record MatrixFormat(string Name, TensorDtype Stored, NativeDtype Dtype, int BlockElements, int BlockBytes, int Tile)
{
    private const int KernelTile = 16;

    public static readonly MatrixFormat
        F32 = new("F32", TensorDtype.F32, NativeDtype.F32, 1, 4, KernelTile),
        F16 = new("F16", TensorDtype.F16, NativeDtype.F16, 1, 2, KernelTile),
        BF16 = new("BF16", TensorDtype.BF16, NativeDtype.Bf16, 1, 2, KernelTile),
        Int8 = new(Int8Blocks.Name, TensorDtype.U8, NativeDtype.Int8, Int8Blocks.BlockElements, Int8Blocks.BlockBytes, Int8Blocks.BlockElements),
        Fp8 = new("F8_E4M3", TensorDtype.F8E4M3, NativeDtype.Fp8, 1, 1, ScaleGrid.BlockCols);

    /// <summary>The formats that the engine reads.</summary>
    public static ImmutableArray<MatrixFormat> All { get; } = [F32, F16, BF16, Int8, Fp8];

    /// <summary>The columns of a tile in words.</summary>
    public string TileName => Tile != KernelTile ? "block of 8-bit weights" : "tile";

    private bool IsBlocks => BlockElements > 1;

    /// <summary>The format of a stored matrix; null if it has another shape, or a type that is not read.</summary>
    public static MatrixFormat? Find(TensorDtype dtype, ImmutableArray<long> shape, int rows, int cols) =>
        All.FirstOrDefault(format => format.Stored == dtype && format.Shape(rows, cols).AsSpan().SequenceEqual(shape.AsSpan()));

    /// <summary>The format of unblocked elements of a type that is read.</summary>
    public static MatrixFormat Of(TensorDtype dtype) => All.First(format => format.Stored == dtype && !format.IsBlocks);

    /// <summary>The entry of a stored matrix in a header.</summary>
    public TensorInfo Store(string name, int rows, int cols) =>
        new(name, Stored, Shape(rows, cols), Offset: 0, (long)rows * RowBytes(cols));

    /// <summary>Bytes of a row.</summary>
    public int RowBytes(int cols) => BlocksOf(cols) * BlockBytes;

    /// <summary>The format in memory of a matrix whose parts are stored like this. What no common format holds exactly is F32, as is an
    /// embedding of 8-bit floats.</summary>
    public MatrixFormat Loaded(WeightFormat wanted, MatrixRole role) => wanted switch
    {
        _ when role == MatrixRole.Router => this,
        WeightFormat.Int8 => Int8,
        WeightFormat.Fp8 when role is MatrixRole.Projection or MatrixRole.Expert && this != Int8 => Fp8,
        _ => this == Fp8 && role == MatrixRole.Embedding ? F32 : this,
    };

    private int BlocksOf(int cols) => (cols + BlockElements - 1) / BlockElements;

    private ImmutableArray<long> Shape(int rows, int cols) => IsBlocks ? [rows, BlocksOf(cols), BlockBytes] : [rows, cols];
}

/// <summary>A matrix as it is stored.</summary>
/// <param name="Scales">What multiplies its elements; null: nothing does.</param>
internal readonly record struct StoredMatrix(MatrixFormat Format, Tensor Weights, ScaleGrid? Scales = null);
