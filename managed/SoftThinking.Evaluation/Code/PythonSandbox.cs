namespace SoftThinking.Evaluation.Code;

/// <summary>
/// Runs untrusted Python programs with the protections that this system allows. A program starts in an empty
/// directory that is deleted afterwards, without the environment of this process, with limits on time, memory, processes,
/// file size and output. On Linux, namespaces of the kernel keep it from the network, from other processes and from the
/// file system; which of them are in force is found once. There is no filter of system calls: it does not
/// protect against faults of the kernel. Only Linux is supported. Safe for concurrent use.
/// </summary>
public sealed class PythonSandbox
{
    private readonly SandboxPlan _plan;
    private readonly SandboxLimits _limits;

    internal PythonSandbox(SandboxPlan plan, SandboxLimits limits, string version)
    {
        (_plan, _limits, PythonVersion) = (plan, limits, version);
        List<string> inForce = [], notInForce = [];
        if (plan.User == "none")
            notInForce.Add(WithReason(Protection.DescribeUser(plan.User), plan.Lacking.GetValueOrDefault(Protection.User)));
        else
            inForce.Add(Protection.DescribeUser(plan.User));
        foreach (string name in Protection.All)
        {
            if (plan.Protections.Contains(name))
                inForce.Add(Protection.Describe(name));
            else
                notInForce.Add(WithReason(Protection.Describe(name), plan.Lacking.GetValueOrDefault(name)));
        }
        inForce.Add("limits on time, memory, processes, file size, open files and output");
        (InForce, NotInForce) = (inForce, notInForce);
    }

    /// <summary>Path of the interpreter.</summary>
    public string Python => _plan.Python;

    /// <summary>Version of the interpreter, such as "3.11.2".</summary>
    public string PythonVersion { get; }

    /// <summary>The protections that hold for every run, in plain words.</summary>
    public IReadOnlyList<string> InForce { get; }

    /// <summary>The protections that this system refuses, with its reason.</summary>
    public IReadOnlyList<string> NotInForce { get; }

    /// <summary>What to do so that more protections are in force; null where all are.</summary>
    public string? Advice => NotInForce.Count == 0
        ? null
        : "Namespaces are not available to this user. On Debian and Ubuntu allow them with \"sysctl "
          + "kernel.unprivileged_userns_clone=1\" or \"sysctl kernel.apparmor_restrict_unprivileged_userns=0\"; start a "
          + "container with \"--security-opt seccomp=unconfined --security-opt apparmor=unconfined\".";

    internal SandboxPlan Plan => _plan;

    /// <summary>Finds the interpreter and the protections that work here, by trying them.</summary>
    /// <exception cref="SandboxException">No program can be run: another system, or no Python 3.</exception>
    public static Task<PythonSandbox> ProbeAsync(SandboxLimits? limits = null, CancellationToken cancellation = default) =>
        SandboxProbe.ProbeAsync(limits ?? new SandboxLimits(), [], cancellation);

    /// <summary>
    /// Runs a program. Every protection in <see cref="InForce"/> holds, or the run is <see cref="SandboxEnd.Broken"/> and
    /// the program was not started. When this returns, no process of the program is left where it has its own processes
    /// or its own user; else those are ended that can be found.
    /// </summary>
    /// <param name="program">The program text.</param>
    /// <param name="standardInput">Its standard input; null for none.</param>
    public async Task<SandboxRun> RunAsync(
        string program, string? standardInput = null, CancellationToken cancellation = default) =>
        (await LauncherProcess.RunAsync(_plan, _limits, program, standardInput, cancellation).ConfigureAwait(false)).Run;

    private static string WithReason(string protection, string? reason) =>
        reason is null ? protection : $"{protection} ({reason})";
}
