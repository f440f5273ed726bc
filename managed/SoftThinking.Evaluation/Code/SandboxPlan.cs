namespace SoftThinking.Evaluation.Code;

/// <summary>How programs are run: what a probe found to work.</summary>
/// <param name="Python">Path of the interpreter.</param>
/// <param name="User">How the program changes its user: see <see cref="Protection.UserModes"/>.</param>
/// <param name="Protections">Names of the namespaces, as the launcher knows them.</param>
internal sealed record SandboxPlan(string Python, string User, IReadOnlyList<string> Protections)
{
    /// <summary>Why each of the others is not in force.</summary>
    public IReadOnlyDictionary<string, string> Lacking { get; init; } = new Dictionary<string, string>();

    public bool OwnFiles => Protections.Contains(Protection.Mounts);
}

/// <summary>Protections by their names in the launcher, and in plain words.</summary>
internal static class Protection
{
    public const string User = "user";
    public const string Mounts = "mounts";
    public const string Network = "network";
    public const string Processes = "processes";

    /// <summary>All namespaces in the order in which they are reported.</summary>
    public static readonly string[] All = [Network, Mounts, Processes, "ipc", "names"];

    /// <summary>
    /// Ways to change the user, the best first. Root becomes an unused user when the program starts ("drop"), or at once
    /// where it may not create namespaces itself ("both"); root of a container without other users, and others, have only
    /// a user namespace.
    /// </summary>
    public static string[] UserModes(bool root) => root ? ["drop", "both", "namespace"] : ["namespace", "none"];

    public static string Describe(string name) => name switch
    {
        Network => "no network, not even to this machine",
        Mounts => "own file system: the system read-only, an empty work directory of limited size, nothing else",
        Processes => "own processes: it sees and signals no others, and all of them end with the run",
        "ipc" => "own inter-process communication",
        "names" => "own host name",
        _ => "own user",
    };

    public static string DescribeUser(string mode) => mode switch
    {
        "namespace" => "own user namespace: no privileges",
        "none" => Describe(User),
        _ => "own user: an unused one without privileges",
    };
}
