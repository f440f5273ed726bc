using System.Collections.Immutable;

namespace SoftThinking.Checkpoints;

/// <summary>The entry of one tensor in a safetensors header, validated against the file.</summary>
/// <param name="Name">Name in the file, for example "model.norm.weight".</param>
/// <param name="Dtype">Number format of the elements.</param>
/// <param name="Shape">Dimensions, outermost first, row-major; empty for a scalar; a dimension may be 0.</param>
/// <param name="Offset">Bytes from the start of the file to the first element. Not aligned to the element size in files of
/// early writers.</param>
/// <param name="Length">Bytes of all elements; equals shape × bits of the format / 8; may exceed 2 GiB.</param>
internal sealed record TensorInfo(
    string Name, TensorDtype Dtype, ImmutableArray<long> Shape, long Offset, long Length);
