using System.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>The peak resident memory of this process.</summary>
internal static class PeakMemory
{
    /// <summary>Peak bytes since <see cref="Restart"/>, or since the start of the process if the system does not support it.</summary>
    public static long Bytes
    {
        get
        {
            using Process self = Process.GetCurrentProcess();
            return self.PeakWorkingSet64;
        }
    }

    /// <summary>Resets the peak to the current use.</summary>
    /// <returns>False if the system does not support it; the peak is then not reset.</returns>
    public static bool Restart()
    {
        const string File = "/proc/self/clear_refs", PeakOnly = "5";
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            System.IO.File.WriteAllText(File, PeakOnly);
            return true;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // not permitted in some containers
        }
    }
}
