using NUnit.Framework;
using SoftThinking.Interop;

namespace SoftThinking.Tests;

public class MpiLauncherTests
{
    [TestCase("", 1, TestName = "NoLauncher")]
    [TestCase("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=0 PMIX_RANK=0", 4, TestName = "OpenMpi")]
    [TestCase("OMPI_COMM_WORLD_SIZE=1", 1, TestName = "OpenMpi_OneProcess")]
    [TestCase("PMI_SIZE=2 PMI_RANK=1", 2, TestName = "Mpich")]
    [TestCase("PMIX_RANK=3 SLURM_STEP_NUM_TASKS=8 SLURM_NTASKS=16 SLURM_PROCID=3", 8, TestName = "Srun_WithPmix")]
    [TestCase("OMPI_COMM_WORLD_SIZE=2 PMIX_RANK=0 SLURM_STEP_NUM_TASKS=1", 2, TestName = "OpenMpi_InAJobOfSlurm")]
    [TestCase("SLURM_NTASKS=8 SLURM_PROCID=0", 1, TestName = "ScriptInAJobOfSlurm")]
    [TestCase("SLURM_STEP_NUM_TASKS=8 SLURM_NTASKS=8 SLURM_PROCID=1", 1, TestName = "Srun_WithoutMpi")]
    [TestCase("PMIX_RANK=0", 1, TestName = "RankWithoutSize")]
    [TestCase("OMPI_COMM_WORLD_SIZE= PMI_SIZE=3", 3, TestName = "EmptyVariableIsNone")]
    public void Processes_OfALauncher(string variables, int expected) =>
        Assert.That(MpiLauncher.Processes(Variables(variables)), Is.EqualTo(expected));

    [TestCase("OMPI_COMM_WORLD_SIZE", "two")]
    [TestCase("PMI_SIZE", "0")]
    [TestCase("PMI_SIZE", "-1")]
    [TestCase("OMPI_COMM_WORLD_SIZE", "99999999999")]
    public void Processes_RefusesWhatIsNoNumber(string name, string value) =>
        Assert.That(() => MpiLauncher.Processes(Variables($"{name}={value}")),
            Throws.TypeOf<BackendException>().With.Message.Contains(name).And.Message.Contains($"'{value}'"));

    private static Func<string, string?> Variables(string text)
    {
        Dictionary<string, string> values = text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => pair[1]);
        return name => values.GetValueOrDefault(name);
    }
}
