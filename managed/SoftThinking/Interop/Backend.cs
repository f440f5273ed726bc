using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>A backend library, loaded once per process: its table of functions, and errors as exceptions.</summary>
internal sealed unsafe class Backend
{
    private static readonly ConcurrentDictionary<string, Lazy<Backend>> Loaded = [];

    private Backend(NativeApi* api) => Api = api;

    /// <summary>What the backend calls itself.</summary>
    public string Name => Marshal.PtrToStringUTF8((nint)Api->Backend)!;

    public static Backend Cpu => Get("softthinking_cpu");

    public static Backend Cuda => Get("softthinking_cuda");

    public NativeApi* Api { get; }

    /// <summary>A backend by the name or path of its library.</summary>
    /// <exception cref="BackendException">The library is not there, or no backend.</exception>
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
            throw new BackendException($"the native library '{library}' is not beside the program, where the build puts it");
        if (!NativeLibrary.TryGetExport(handle, "st_get_api", out nint export))
            throw new BackendException($"'{library}' is not a SoftThinking backend: it has no st_get_api");
        NativeApi* api = ((delegate* unmanaged<uint, NativeApi*>)export)(NativeApi.AbiVersion);
        if (api == null || api->Size != sizeof(NativeApi))
            throw new BackendException($"'{library}' speaks another version of the backend interface: build both anew");
        return new Backend(api);
    }
}
