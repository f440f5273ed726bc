using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>A safetensors file mapped into memory, read-only: 8 bytes of header length (little-endian), a JSON header,
/// the data. The whole header is checked while opening; reading afterwards cannot leave the file. Pointers and spans
/// are valid until <see cref="Dispose"/>. Safe for concurrent readers. The file must not be truncated while it is
/// open: reading beyond its end then raises a signal that terminates the process.</summary>
internal sealed unsafe partial class SafetensorsFile : IDisposable
{
    /// <summary>Maximum size of the header in bytes; the limit of the reference implementation.</summary>
    private const long LongestHeader = 100_000_000;
    private const int LengthBytes = sizeof(ulong);

    private readonly MemoryMappedFile _mapping;
    private readonly MemoryMappedViewAccessor _view;
    private readonly SafetensorsHeader _header;
    private byte* _start;

    private SafetensorsFile(string path, FileStream stream)
    {
        Path = path;
        long fileLength = stream.Length;
        _header = ReadHeader(path, stream, fileLength);
        _mapping = MemoryMappedFile.CreateFromFile(
            stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
        try
        {
            _view = _mapping.CreateViewAccessor(0, fileLength, MemoryMappedFileAccess.Read);
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        }
        catch
        {
            _view?.Dispose();
            _mapping.Dispose();
            throw;
        }
    }

    /// <summary>The path passed to <see cref="Open"/>.</summary>
    public string Path { get; }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => _header.Tensors;

    /// <summary>The free text in "__metadata__" of the header; empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    /// <summary>Maps the file and checks its header.</summary>
    /// <exception cref="ModelFileException">The file does not exist, cannot be read, or is not a valid safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        FileStream? stream = null;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return new SafetensorsFile(path, stream);
        }
        catch (Exception e)
        {
            stream?.Dispose();
            if (ModelFile.IsFileError(e))
                throw ModelFile.Unreadable(path, e);
            throw;
        }
    }

    /// <summary>Address of the first byte of a tensor of <see cref="TensorInfo.Length"/> bytes. Files of early writers are not
    /// aligned to the element size.</summary>
    /// <exception cref="KeyNotFoundException">The file has no tensor of this name.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public nint Pointer(string name)
    {
        ObjectDisposedException.ThrowIf(_start == null, this);
        return (nint)(_start + Find(name).Offset);
    }

    /// <summary>The bytes of a tensor, little-endian.</summary>
    /// <exception cref="KeyNotFoundException">The file has no tensor of this name.</exception>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    /// <exception cref="InvalidOperationException">The tensor is larger than a span can be (2 GiB): use
    /// <see cref="Pointer"/>.</exception>
    public ReadOnlySpan<byte> Bytes(string name)
    {
        long length = Find(name).Length;
        if (length > int.MaxValue)
            throw new InvalidOperationException($"tensor '{name}' has {length} bytes, more than a span can hold");
        return new ReadOnlySpan<byte>((byte*)Pointer(name), (int)length);
    }

    /// <summary>Releases the resident pages of a range of the file; a later access reads them from the file
    /// again.</summary>
    /// <param name="data">Address of the range, in a tensor returned by <see cref="Pointer"/>.</param>
    /// <exception cref="ObjectDisposedException">The file was closed.</exception>
    public void Forget(nint data, long length)
    {
        ObjectDisposedException.ThrowIf(_start == null, this);
        if (!OperatingSystem.IsLinux())
            return; // other systems reclaim these pages themselves
        long page = Environment.SystemPageSize;
        // Pages shared with neighboring tensors are kept.
        long first = (data + page - 1) / page * page, end = (data + length) / page * page;
        if (end > first)
            _ = MemoryAdvise((void*)first, (nuint)(end - first), DontNeed);
    }

    /// <summary>Unmaps the file. Pointers and spans obtained from it must no longer be used.</summary>
    public void Dispose()
    {
        if (_start == null)
            return;
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _mapping.Dispose();
    }

    private const int DontNeed = 4; // MADV_DONTNEED

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MemoryAdvise(void* address, nuint length, int advice);

    private TensorInfo Find(string name) =>
        Tensors.TryGetValue(name, out TensorInfo? tensor)
            ? tensor
            : throw new KeyNotFoundException($"{Path} has no tensor '{name}'");

    private static SafetensorsHeader ReadHeader(string path, FileStream stream, long fileLength)
    {
        if (fileLength < LengthBytes)
            throw new ModelFileException(path, $"the file has {fileLength} bytes, too few for a safetensors file");
        Span<byte> start = stackalloc byte[(int)Math.Min(fileLength, ModelFile.PointerBytes)];
        stream.ReadExactly(start);
        ModelFile.RefusePointer(path, start);
        Span<byte> prefix = start[..LengthBytes];
        stream.Position = LengthBytes;
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (length > LongestHeader)
        {
            throw new ModelFileException(path, $"the header claims {length} bytes, more than the "
                + $"{LongestHeader} allowed, so this is not a safetensors file");
        }
        if ((long)length > fileLength - LengthBytes)
        {
            throw new ModelFileException(path, $"the header claims {length} bytes, the file has {fileLength}: "
                + "it was cut short or is not a safetensors file");
        }
        byte[] json = new byte[length];
        stream.ReadExactly(json);
        long dataStart = LengthBytes + (long)length;
        return SafetensorsHeader.Parse(path, json, dataStart, fileLength - dataStart);
    }
}
