using System.ComponentModel;
using System.Diagnostics;
using NUnit.Framework;

namespace SoftThinking.Evaluation.Tests;

/// <summary>A file system of 64 KiB, which needs root on Linux; the test is skipped elsewhere.</summary>
internal sealed class SmallDisk : IDisposable
{
    public SmallDisk(string path)
    {
        Path = Directory.CreateDirectory(path).FullName;
        if (!Run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", Path))
            Assert.Ignore("a small file system cannot be mounted here: that needs root on Linux");
    }

    public string Path { get; }

    public void Dispose() => Run("umount", Path);

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            return false;
        }
    }
}
