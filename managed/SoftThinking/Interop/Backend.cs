using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>A backend library, loaded once per process: its function table, and its errors as exceptions.</summary>
internal sealed unsafe class Backend
{
    private static readonly ConcurrentDictionary<string, Lazy<Backend>> Loaded = [];

    private Backend(NativeApi* api) => Api = api;

    /// <summary>The name that the backend reports.</summary>
    public string Name => Marshal.PtrToStringUTF8((nint)Api->Backend)!;

    public static Backend Cpu => Get("softthinking_cpu");

    public static Backend Cuda => Get("softthinking_cuda");

    public NativeApi* Api { get; }

    /// <summary>A backend by the name or path of its library.</summary>
    /// <exception cref="BackendException">The library does not exist, or is not a backend.</exception>
    public static Backend Get(string library) =>
        Loaded.GetOrAdd(library, name => new Lazy<Backend>(() => Load(name))).Value;

    public void Check(NativeStatus status)
    {
        if (status != NativeStatus.Ok)
            throw Failure(status);
    }

    private BackendException Failure(NativeStatus status) =>
        new(Marshal.PtrToStringUTF8((nint)Api->LastError()) ?? status.ToString());

    private static Backend Load(string library)
    {
        if (!NativeLibrary.TryLoad(library, Assembly.GetExecutingAssembly(), null, out nint handle))
            throw new BackendException($"the native library '{library}' cannot be loaded; the build puts it into the program's directory");
        if (!NativeLibrary.TryGetExport(handle, "st_get_api", out nint export))
            throw new BackendException($"'{library}' is not a SoftThinking backend: it has no st_get_api");
        NativeApi* api = ((delegate* unmanaged<uint, NativeApi*>)export)(NativeApi.AbiVersion);
        if (api == null || api->Size != sizeof(NativeApi))
            throw new BackendException($"'{library}' implements another version of the backend interface: rebuild the library and the program");
        return new Backend(api);
    }
}
