using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>An array in an arena: in page-locked host memory, which the device copies without staging, or in device memory, where the host only
/// passes its address on.</summary>
internal readonly unsafe struct ArenaArray<T>(nint pointer, long length) where T : unmanaged
{
    public nint Pointer => pointer;

    public ref T this[long index]
    {
        get
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)index, (ulong)length, nameof(index));
            return ref ((T*)pointer)[index];
        }
    }

    public static ArenaArray<T> Place(DeviceArena arena, long length) => new(arena.Reserve<T>(length), length);

    public Span<T> Slice(long first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, length, nameof(count));
        return new((T*)pointer + first, count);
    }
}
