using System.Reflection;
using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>A backend library, loaded once per process: its table of functions, and errors as exceptions.</summary>
internal sealed unsafe class Backend
{
    private static readonly Lazy<Backend> CpuBackend = new(() => Load("softthinking_cpu"));

    private Backend(NativeApi* api) => Api = api;

    /// <summary>The CPU backend. Throws <see cref="BackendException"/> when its library is not there.</summary>
    public static Backend Cpu => CpuBackend.Value;

    public NativeApi* Api { get; }

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
