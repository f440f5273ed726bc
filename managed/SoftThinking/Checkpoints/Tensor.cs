using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>A weight in a mapped checkpoint file; valid until the checkpoint is disposed.</summary>
/// <param name="Name">Name in the checkpoint.</param>
/// <param name="Data">Address of the first element; little-endian, row-major; not always aligned to it.</param>
/// <param name="Dtype">F32, F16 or BF16; U8: <see cref="Int8Blocks"/>.</param>
/// <param name="Shape">Dimensions, outermost first.</param>
/// <param name="Bytes">Bytes of all elements; may exceed 2 GiB.</param>
internal readonly record struct Tensor(
    string Name, nint Data, TensorDtype Dtype, ImmutableArray<long> Shape, long Bytes);
