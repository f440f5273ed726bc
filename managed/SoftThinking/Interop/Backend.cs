using System.Collections.Concurrent;
using System.Reflection;
using System.Runtime.InteropServices;

namespace SoftThinking.Interop;

/// <summary>A backend library, loaded once per process: its function table, and its errors as exceptions.</summary>
internal sealed unsafe class Backend
{
    private const string CpuLibrary = "softthinking_cpu", CudaLibrary = "softthinking_cuda";

    private static readonly ConcurrentDictionary<string, Lazy<Backend>> Loaded = [];

    private Backend(NativeApi* api) => Api = api;

    /// <summary>The name that the backend reports.</summary>
    public string Name => Marshal.PtrToStringUTF8((nint)Api->Backend)!;

    public static Backend Cpu => Get(CpuLibrary);

    public static Backend Cuda => Get(CudaLibrary);

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
        nint handle = LoadLibrary(library);
        if (!NativeLibrary.TryGetExport(handle, "st_get_api", out nint export))
            throw new BackendException($"'{library}' is not a SoftThinking backend: it has no st_get_api");
        NativeApi* api = ((delegate* unmanaged<uint, NativeApi*>)export)(NativeApi.AbiVersion);
        if (api == null || api->Size != sizeof(NativeApi))
        {
            throw new BackendException($"'{library}' implements another version of the backend interface: "
                + "the packages SoftThinking and SoftThinking.Backend.* must have the same version");
        }
        return new Backend(api);
    }

    private static nint LoadLibrary(string library)
    {
        try
        {
            return NativeLibrary.Load(library, Assembly.GetExecutingAssembly(), searchPath: null);
        }
        // The message lists every place where the library was looked for, most often in vain.
        catch (DllNotFoundException) when (PackageOf(library) is string package && !IsThere(library))
        {
            throw new BackendException($"the native library '{library}' was not found: add a reference to the package {package}");
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw new BackendException($"the native library '{library}' cannot be loaded: {error.Message.ReplaceLineEndings(" ").Trim()}");
        }
    }

    private static string? PackageOf(string library) => library switch
    {
        CpuLibrary => "SoftThinking.Backend.Cpu",
        CudaLibrary => "SoftThinking.Backend.Cuda",
        _ => null,
    };

    private static bool IsThere(string library)
    {
        string directories = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return directories.Split(Path.PathSeparator).Append(AppContext.BaseDirectory).Where(Directory.Exists)
            .Any(directory => Directory.EnumerateFiles(directory, $"*{library}.*").Any());
    }
}
