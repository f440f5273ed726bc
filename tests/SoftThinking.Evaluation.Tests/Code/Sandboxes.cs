using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

/// <summary>Sandboxes that tests share, probed once. A test that needs what this system lacks is skipped with the reason.</summary>
internal static class Sandboxes
{
    /// <summary>Limits that a hostile program reaches soon.</summary>
    public static readonly SandboxLimits Tight = new()
    {
        Wall = TimeSpan.FromSeconds(1.5),
        MemoryBytes = 512L << 20,
        Processes = 32,
        FileBytes = 4L << 20,
        DiskBytes = 8L << 20,
        OutputBytes = 100_000,
    };

    private static readonly Lazy<Task<PythonSandbox>> All = new(() => PythonSandbox.ProbeAsync());

    private static readonly Lazy<Task<PythonSandbox>> TightAll = new(() => PythonSandbox.ProbeAsync(Tight));

    private static readonly Lazy<Task<PythonSandbox>> TightBare =
        new(() => SandboxProbe.ProbeAsync(Tight, Protection.All, CancellationToken.None));

    /// <summary>All protections, the usual limits.</summary>
    public static Task<PythonSandbox> UsualAsync() => Available(All);

    /// <summary>Tight limits; all protections, or ("bare") no namespaces, as in a container that refuses them.</summary>
    public static Task<PythonSandbox> TightAsync(bool bare = false) => Available(bare ? TightBare : TightAll);

    public static void Require(PythonSandbox sandbox, string protection)
    {
        if (!sandbox.Plan.Protections.Contains(protection))
            Assert.Ignore($"not in force here: {Protection.Describe(protection)}. {sandbox.Advice}");
    }

    private static async Task<PythonSandbox> Available(Lazy<Task<PythonSandbox>> sandbox)
    {
        try
        {
            return await sandbox.Value;
        }
        catch (SandboxException e)
        {
            Assert.Ignore(e.Message);
            throw;
        }
    }
}
