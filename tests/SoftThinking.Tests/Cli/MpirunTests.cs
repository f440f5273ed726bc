using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Tests.Golden;

namespace SoftThinking.Tests.Cli;

/// <summary>Processes that mpirun starts share a model.</summary>
[NonParallelizable]
[Platform("Linux")]
public partial class MpirunTests
{
    private const string Question = "What is 47 + 85 - 19?";

    // More processes than cores, and as root where the tests run as root.
    private static readonly (string Name, string Value)[] Environment =
    [
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"), ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"), ("OMPI_MCA_rmaps_base_oversubscribe", "1"),
    ];

    private readonly TempFolder _folder = new();
    private string _model = null!;

    [OneTimeSetUp]
    public void MakeModel()
    {
        try
        {
            _ = Tool.Run(["mpirun", "--version"]);
        }
        catch (Win32Exception)
        {
            Assert.Ignore("mpirun is not installed (Debian, Ubuntu: apt install openmpi-bin libopenmpi-dev)");
        }
        _model = EightHeads.Write(Directory.CreateDirectory(_folder.File("model")).FullName);
    }

    [OneTimeTearDown]
    public void DeleteFolder() => _folder.Dispose();

    [TestCase(2)]
    [TestCase(4)]
    public void AnswersHaveTheBitsOfOneProcess(int processes)
    {
        string[] arguments = ["generate", "--model", _model, "--prompt", Question, "--gumbel-softmax-temperature", "0.5", "--seed", "3", "--samples", "2", "--json"];
        CliRun alone = CliProcess.Run("", arguments);
        Assert.That(alone.Code, Is.Zero, alone.Error);
        CliRun together = Run(processes, arguments);
        Assert.That(together.Code, Is.Zero, together.Error);
        Assert.That(WithoutTimes(together.Out), Is.EqualTo(WithoutTimes(alone.Out)));
        Assert.That(together.Error, Is.Empty);
    }

    /// <summary>Random checkpoints of every architecture, whose thoughts are mixtures throughout.</summary>
    [TestCaseSource(nameof(GoldenModels))]
    public void GoldenModelsHaveTheBitsOfOneProcess(string model, int processes, string kv)
    {
        string[] arguments = ["generate", "--model", model, "--raw", "--prompt", "abcdefghijklmnopqrstuvwxyz", "--max-new-tokens", "40", "--kv-dtype", kv, "--json"];
        CliRun alone = CliProcess.Run("", arguments);
        Assert.That(alone.Code, Is.Zero, alone.Error);
        CliRun together = Run(processes, arguments);
        Assert.That(together.Code, Is.Zero, together.Error);
        Assert.That(WithoutTimes(together.Out), Is.EqualTo(WithoutTimes(alone.Out)).And.Contain("\"soft\":true"));
    }

    private static IEnumerable<TestCaseData> GoldenModels() =>
        from model in TensorParallelTests.Models()
        from processes in new[] { 2, 4 }
        where TensorParallelTests.Divides(model, processes, WeightFormat.Stored)
        from kv in new[] { "bf16", "f32" }
        let test = new TestCaseData(model, processes, kv).SetArgDisplayNames(Path.GetFileName(model), $"{processes}", kv)
        select kv == "bf16" && processes == 2 ? test : test.SetCategory("Slow");

    /// <summary>Several engines one after the other, with requests that end in any order.</summary>
    [Test]
    public void EvaluationsHaveTheResultsOfOneProcess()
    {
        string[] arguments = ["eval", "--model", _model, "--end-idx", "8", "--compare", "soft", "greedy", "--output-dir"];
        CliRun alone = CliProcess.Run("", [.. arguments, _folder.File("alone")]);
        Assert.That(alone.Code, Is.Zero, alone.Error);
        CliRun together = Run(2, [.. arguments, _folder.File("together")]);
        Assert.That(together.Code, Is.Zero, together.Error);
        Assert.That(ResultsIn("together"), Is.EqualTo(ResultsIn("alone")).And.Not.Empty);
    }

    /// <summary>What the first process refuses before it needs the others.</summary>
    [Test]
    public void AWrongCommandLineIsReportedOnce()
    {
        CliRun run = Run(2, "generate", "--no-such-option");
        Assert.That(run.Code, Is.EqualTo(2), run.Error);
        Assert.That(Regex.Count(run.Error, "^error: ", RegexOptions.Multiline), Is.EqualTo(1), run.Error);
    }

    [Test]
    public void AModelThatCannotBeDividedIsReportedOnce()
    {
        CliRun run = Run(2, "generate", "--model", TestData.TinyReasoner, "--prompt", Question);
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.Contain("error: this model cannot be divided among 2 devices, because it has 3 attention heads; possible are 3"));
        Assert.That(Regex.Count(run.Error, "^error: ", RegexOptions.Multiline), Is.EqualTo(1), run.Error);
    }

    [Test]
    public void OptionsForOneProcessMustAgree()
    {
        CliRun run = Run(2, "generate", "--model", _model, "--prompt", Question, "--tensor-parallel", "4");
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.Contain("the model is to be divided among 4 devices, but 2 processes were started"));
    }

    /// <summary>Two machines whose folders of the same name hold different models.</summary>
    [Test]
    public void DifferentModelsAreRefused()
    {
        string first = Directory.CreateDirectory(_folder.File("first")).FullName, second = Directory.CreateDirectory(_folder.File("second")).FullName;
        EightHeads.Write(Directory.CreateDirectory(Path.Combine(first, "m")).FullName);
        string other = EightHeads.Write(Directory.CreateDirectory(Path.Combine(second, "m")).FullName);
        string weights = Path.Combine(other, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        string[] program = [.. CliProcess.Command("generate", "--model", "m", "--prompt", Question)];
        Stopwatch clock = Stopwatch.StartNew();
        CliRun run = Finish(["mpirun", "-n", "1", "-wdir", first, .. program, ":", "-n", "1", "-wdir", second, .. program]);
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.Contain("error: rank 1 has another model than rank 0: the weights differ"));
        TestContext.Progress.WriteLine($"different models: ended after {clock.Elapsed.TotalSeconds:F1} s");
    }

    [Test]
    public void AModelThatAnotherProcessLacksIsNamed()
    {
        string here = Directory.CreateDirectory(_folder.File("here")).FullName, elsewhere = Directory.CreateDirectory(_folder.File("elsewhere")).FullName;
        EightHeads.Write(Directory.CreateDirectory(Path.Combine(here, "m")).FullName);
        string[] program = [.. CliProcess.Command("generate", "--model", "m", "--prompt", Question)];
        CliRun run = Finish(["mpirun", "-n", "1", "-wdir", here, .. program, ":", "-n", "1", "-wdir", elsewhere, .. program]);
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.Contain("error: rank 1 failed: m: does not exist"));
    }

    /// <summary>A process that is killed in the middle of a batch: the launcher names it, all end, and nothing of them is left in shared memory.</summary>
    [TestCase(0)]
    [TestCase(1)]
    public async Task AKilledProcessEndsTheOthers(int rank)
    {
        HashSet<string> shared = [.. SharedMemoryOfMpi()];
        using Process process = CliProcess.StartCommand(
            [.. Mpirun(2), .. CliProcess.Command("bench", "--model", _model, "--batch", "8", "--generate", "400", "--repeat", "1000")], Environment);
        int victim = await ProcessOfRankAsync(process.Id, rank);
        await ComputesAsync(victim);
        Stopwatch clock = Stopwatch.StartNew();
        Assert.That(Tool.Run(["kill", "-KILL", $"{victim}"]).ExitCode, Is.Zero);
        CliRun run = CliProcess.Await(process);
        TestContext.Progress.WriteLine($"rank {rank} killed: ended after {clock.Elapsed.TotalSeconds:F1} s with exit code {run.Code}");
        Assert.That(run.Code, Is.Not.Zero);
        Assert.That(run.Error + run.Out, Does.Match($"process rank {rank} with PID [0-9]+ .* exited on signal 9"));
        Assert.That(clock.Elapsed, Is.LessThan(TimeSpan.FromSeconds(60)), "nothing waits for the time limit of a collective");
        Assert.That(SharedMemoryOfMpi().Except(shared), Is.Empty);
    }

    /// <summary>A process that stops answering, as one that hangs: the other one says so after the time limit.</summary>
    [Test]
    [NUnit.Framework.Category("Slow")]
    public async Task AStoppedProcessIsNamedAfterTheTimeLimit()
    {
        using Process process = CliProcess.StartCommand(
            [.. Mpirun(2), .. CliProcess.Command("bench", "--model", _model, "--batch", "8", "--generate", "400", "--repeat", "1000")],
            [.. Environment, ("DOTNET_STARTUP_HOOKS", typeof(StartupHook).Assembly.Location), (StartupHook.Variable, "10")]);
        int victim = await ProcessOfRankAsync(process.Id, 1);
        await ComputesAsync(victim);
        Assert.That(Tool.Run(["kill", "-STOP", $"{victim}"]).ExitCode, Is.Zero);
        CliRun run = CliProcess.Await(process);
        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.Contain("error: ").And.Contain("did not come within 10000 ms"));
    }

    // Browsers of other tests have theirs there, too.
    private static IEnumerable<string> SharedMemoryOfMpi() =>
        Directory.EnumerateFileSystemEntries("/dev/shm").Where(name => Regex.IsMatch(Path.GetFileName(name), "vader|mpi|pmix|sm_", RegexOptions.IgnoreCase));

    private static CliRun Run(int processes, params string[] arguments) => Finish([.. Mpirun(processes), .. CliProcess.Command(arguments)]);

    private static CliRun Finish(string[] command)
    {
        using Process process = CliProcess.StartCommand(command, Environment);
        return CliProcess.Finish(process);
    }

    private static string[] Mpirun(int processes) => ["mpirun", "-n", $"{processes}"];

    /// <summary>The process of a rank, a child of mpirun; the children are in the order of the ranks.</summary>
    private static async Task<int> ProcessOfRankAsync(int mpirun, int rank)
    {
        string file = $"/proc/{mpirun}/task/{mpirun}/children";
        for (Stopwatch clock = Stopwatch.StartNew(); clock.Elapsed < CliProcess.Limit; await Task.Delay(50))
        {
            string[] children = File.ReadAllText(file).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (children.Length > 1)
                return int.Parse(children[rank], System.Globalization.CultureInfo.InvariantCulture);
        }
        throw new TimeoutException("mpirun started no processes");
    }

    /// <summary>Waits until a process has loaded its part of the model: then it has a thread of the engine, or of its rank.</summary>
    private static async Task ComputesAsync(int process)
    {
        for (Stopwatch clock = Stopwatch.StartNew(); clock.Elapsed < CliProcess.Limit; await Task.Delay(50))
        {
            if (Directory.EnumerateDirectories($"/proc/{process}/task").Any(thread => File.ReadAllText(Path.Combine(thread, "comm")).StartsWith("SoftThinking ", StringComparison.Ordinal)))
            {
                await Task.Delay(TimeSpan.FromSeconds(1)); // it is in the middle of many steps
                return;
            }
        }
        throw new TimeoutException("the process loads no model");
    }

    private static string WithoutTimes(string json) => Times().Replace(json, "");

    private string[] ResultsIn(string folder) =>
        [.. Directory.EnumerateFiles(_folder.File(folder), "*.jsonl", SearchOption.AllDirectories).Order().SelectMany(File.ReadAllLines).Select(WithoutTimes).Order(StringComparer.Ordinal)];

    [GeneratedRegex("\"timing\":\\{[^}]*\\}|\"[a-z_]*(?:seconds|_ms)\":[0-9.eE+-]+")]
    private static partial Regex Times();
}
