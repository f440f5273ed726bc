using System.Globalization;

namespace SoftThinking.Interop;

/// <summary>Whether a launcher of MPI started this process, from the variables that launchers set.</summary>
internal static class MpiLauncher
{
    // mpirun of Open MPI; mpiexec of MPICH and its relatives, srun with PMI-2.
    private static readonly string[] Sizes = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];

    // srun with a plugin for MPI; it leaves the size to Slurm's own variable, which is set without a plugin, too: then the
    // tasks of a step do not know each other.
    private static readonly string[] Ranks = ["PMIX_RANK", "PMI_RANK"];
    private const string SlurmSize = "SLURM_STEP_NUM_TASKS";

    /// <summary>The number of processes that were started together; 1 without a launcher.</summary>
    /// <param name="variable">Returns the value of an environment variable, or null.</param>
    /// <exception cref="BackendException">A variable holds something else than a number.</exception>
    public static int Processes(Func<string, string?> variable)
    {
        IEnumerable<string> sizes = Ranks.Any(IsSet) ? Sizes.Append(SlurmSize) : Sizes;
        return sizes.FirstOrDefault(IsSet) is { } name ? Read(name, variable(name)!) : 1;

        bool IsSet(string name) => !string.IsNullOrEmpty(variable(name));
    }

    private static int Read(string name, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int processes) && processes > 0
            ? processes
            : throw new BackendException($"the environment variable {name} is '{value}', not the number of processes that a launcher of MPI started");
}
