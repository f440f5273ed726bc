using System.Reflection;
using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>The library for several processes, loaded when it is first asked for: its function table, and its errors as
/// exceptions.</summary>
internal sealed unsafe class MpiLibrary
{
    private static readonly Lazy<MpiLibrary> Loaded = new(() => Load("softthinking_mpi"));

    private MpiLibrary(MpiApi* api) => Api = api;

    /// <exception cref="BackendException">The library was not built, or MPI is not installed.</exception>
    public static MpiLibrary Instance => Loaded.Value;

    public MpiApi* Api { get; }

    public void Check(NativeStatus status)
    {
        if (status != NativeStatus.Ok)
            throw new BackendException($"MPI: {Marshal.PtrToStringUTF8((nint)Api->LastError())}");
    }

    /// <param name="library">Name or path.</param>
    /// <exception cref="BackendException">The library does not exist, or is another one.</exception>
    public static MpiLibrary Load(string library)
    {
        if (!NativeLibrary.TryLoad(library, Assembly.GetExecutingAssembly(), null, out nint handle))
        {
            throw new BackendException($"the native library '{library}', which several processes need, cannot be loaded: it is built "
                + "where MPI is installed. Install it (Debian, Ubuntu: apt install openmpi-bin libopenmpi-dev), clean, and build again");
        }
        if (!NativeLibrary.TryGetExport(handle, "st_mpi_get_api", out nint export))
            throw new BackendException($"'{library}' is not SoftThinking's library for MPI: it has no st_mpi_get_api");
        MpiApi* api = ((delegate* unmanaged<uint, MpiApi*>)export)(MpiApi.AbiVersion);
        if (api == null || api->Size != sizeof(MpiApi))
            throw new BackendException($"'{library}' implements another version of its interface: rebuild the library and the program");
        return new MpiLibrary(api);
    }
}
