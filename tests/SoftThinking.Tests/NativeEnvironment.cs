using System.Runtime.InteropServices;
using NUnit.Framework;

namespace SoftThinking.Tests;

/// <summary>Environment variables as native code reads them: .NET keeps a copy of its own.</summary>
internal static partial class NativeEnvironment
{
    /// <summary>What the emulated device does wrong; see native/simt/runtime.cpp.</summary>
    public const string Fault = "SOFTTHINKING_SIMT_FAULT";

    /// <summary>Bytes of memory that the emulated device has.</summary>
    public const string Memory = "SOFTTHINKING_SIMT_MEMORY";

    /// <summary>Sets a variable until what is returned is disposed.</summary>
    public static IDisposable Set(string name, string value)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Ignore("the emulated device is built on Linux only");
        _ = SetVariable(name, value, 1);
        return new Restored(name);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "unsetenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int UnsetVariable(string name);

    private sealed class Restored(string name) : IDisposable
    {
        public void Dispose() => _ = UnsetVariable(name);
    }
}
