using SoftThinking.Interop;

namespace SoftThinking.Execution;

/// <summary>An array in host memory that copies to and from the device reach without a detour.</summary>
internal readonly unsafe struct HostArray<T>(nint pointer, int length) where T : unmanaged
{
    public nint Pointer => pointer;

    public Span<T> Span => new((void*)pointer, length);

    public static HostArray<T> Place(DeviceArena arena, int length) => new(arena.Take<T>(length), length);
}
