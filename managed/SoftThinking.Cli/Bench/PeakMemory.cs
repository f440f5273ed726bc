using System.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>The most memory that this process had resident.</summary>
internal static class PeakMemory
{
    /// <summary>Bytes since <see cref="Restart"/>, or since the start of the process where the system cannot restart.</summary>
    public static long Bytes
    {
        get
        {
            using Process self = Process.GetCurrentProcess();
            return self.PeakWorkingSet64;
        }
    }

    /// <returns>Whether the system can; else the peak since the start stands.</returns>
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
            return false; // some containers forbid it
        }
    }
}
