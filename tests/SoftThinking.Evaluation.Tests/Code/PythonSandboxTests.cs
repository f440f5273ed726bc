using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using NUnit.Framework;
using SoftThinking.Evaluation.Code;

namespace SoftThinking.Evaluation.Tests.Code;

/// <summary>What hostile programs cannot do, with namespaces and ("bare") without.</summary>
[TestFixture]
public sealed class PythonSandboxTests
{
    private static readonly TestCaseData[] Both = [new(false), new TestCaseData(true).SetCategory("Slow")];

    /// <summary>Names the process, and thereby its children, so that a test finds those that are left.</summary>
    private static string Named(string name, string program) =>
        $"import ctypes\nctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)\n{program}";

    private static int Living(string name) => Directory.EnumerateDirectories("/proc").Count(directory =>
    {
        try
        {
            return File.ReadAllText(Path.Combine(directory, "comm")).Trim() == name;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    [TestCaseSource(nameof(Both))]
    public async Task AnEndlessLoopIsTimedOut(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        SandboxRun run = await sandbox.RunAsync("print('started', flush=True)\nwhile True: pass");
        Assert.That(run.End, Is.EqualTo(SandboxEnd.TimedOut));
        Assert.That(run.Output, Is.EqualTo("started\n"));
        Assert.That(run.Describe(), Does.StartWith("timed out after "));
        Assert.That(run.Wall, Is.EqualTo(Sandboxes.Tight.Wall));
    }

    [TestCaseSource(nameof(Both))]
    public async Task AForkBombIsContainedAndEnded(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        string name = bare ? "st-bomb-bare" : "st-bomb";
        Task<SandboxRun> running = sandbox.RunAsync(Named(name, """
            import os, time
            while True:
                try:
                    os.fork()
                except OSError:
                    time.sleep(0.01)
            """));
        int most = 0;
        while (!running.IsCompleted)
        {
            most = Math.Max(most, Living(name));
            await Task.Delay(20);
        }
        Assert.That((await running).End, Is.EqualTo(SandboxEnd.TimedOut));
        // Without a user or a namespace of its own, the limit includes the other threads of this user: these come and go.
        int others = sandbox.Plan.User == "none" ? 100 : 0;
        Assert.That(most, Is.LessThanOrEqualTo(Sandboxes.Tight.Processes + others));
        Assert.That(Living(name), Is.Zero);
    }

    [TestCaseSource(nameof(Both))]
    public async Task AProgramThatEndsTakesItsHiddenChildrenWithIt(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        string name = bare ? "st-stay-bare" : "st-stay";
        SandboxRun run = await sandbox.RunAsync(Named(name, """
            import os, time
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(60)
                os._exit(0)
            os.wait()
            print("parent done")
            """));
        Assert.That((run.End, run.Output), Is.EqualTo((SandboxEnd.Finished, "parent done\n")));
        Assert.That(Living(name), Is.Zero);
    }

    [TestCaseSource(nameof(Both))]
    public async Task TenGigabytesAreRefused(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        SandboxRun run = await sandbox.RunAsync("x = bytearray(10 << 30)");
        Assert.That((run.End, run.Describe()), Is.EqualTo((SandboxEnd.Memory, "reached the memory limit")));
    }

    [Test]
    public async Task ManyProcessesShareTheMemoryLimit()
    {
        PythonSandbox sandbox = await PythonSandboxAsync(Sandboxes.Tight with { MemoryBytes = 256L << 20, Wall = TimeSpan.FromSeconds(10) });
        SandboxRun run = await sandbox.RunAsync("""
            import os, time
            for i in range(6):
                if os.fork() == 0:
                    x = b"x" * (80 << 20)
                    time.sleep(60)
            time.sleep(60)
            """);
        Assert.That(run.End, Is.EqualTo(SandboxEnd.Memory));
    }

    [TestCaseSource(nameof(Both))]
    public async Task NothingOutsideTheWorkDirectoryIsWritten(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        RequireOwnRights(sandbox, Protection.Mounts);
        DirectoryInfo outside = Directory.CreateTempSubdirectory("softthinking-outside-");
        try
        {
            string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            string[] targets = [.. ((string[])["", "/usr", "/etc", "/dev", "/proc", home, outside.FullName])
                .Select(directory => $"{directory}/{outside.Name}")];
            SandboxRun run = await sandbox.RunAsync("""
                import sys
                open("inside", "w").write("fine")
                for path in sys.stdin.read().split("\n"):
                    try:
                        open(path, "w").write("x")
                        print("wrote", path)
                    except OSError:
                        pass
                print(open("inside").read())
                """, string.Join("\n", targets));
            Assert.That((run.End, run.Output), Is.EqualTo((SandboxEnd.Finished, "fine\n")), run.Error);
            Assert.That(targets.Where(File.Exists), Is.Empty);
        }
        finally
        {
            outside.Delete(recursive: true);
        }
    }

    [Test]
    public async Task FilesOfOtherUsersAreHidden()
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync();
        Sandboxes.Require(sandbox, Protection.Mounts);
        SandboxRun run = await sandbox.RunAsync("""
            import os
            print(sorted(set(os.listdir("/")) & {"home", "var", "mnt", "srv", "old", "sys", "run"}), os.listdir("/tmp"))
            print([path for path in ("/etc/shadow", "/etc/hosts", "/etc/ssh") if os.path.exists(path)])
            """);
        Assert.That(run.Output, Is.EqualTo("[] ['program.py']\n[]\n"), run.Error);
    }

    [Test]
    public async Task NoConnectionReachesThisMachine()
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync();
        Sandboxes.Require(sandbox, Protection.Network);
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        SandboxRun run = await sandbox.RunAsync("""
            import socket
            try:
                socket.create_connection(("127.0.0.1", int(input())), 1)
                print("connected")
            except OSError as error:
                print(type(error).__name__)
            """, ((IPEndPoint)listener.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.That((run.End, run.Output), Is.EqualTo((SandboxEnd.Finished, "OSError\n")), run.Error);
        Assert.That(listener.Pending(), Is.False);
    }

    [TestCaseSource(nameof(Both))]
    public async Task AHugeOutputEndsTheRun(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        SandboxRun run = await sandbox.RunAsync("while True: print('x' * 999)");
        Assert.That(run.End, Is.EqualTo(SandboxEnd.OutputLimit));
        Assert.That(run.Output, Has.Length.EqualTo(Sandboxes.Tight.OutputBytes));
    }

    [Test]
    public async Task OfAHugeStandardErrorTheTailIsKept()
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync();
        SandboxRun run = await sandbox.RunAsync("import sys\nsys.stderr.write('x' * 3000000)\nraise ValueError('the end')");
        Assert.That((run.End, run.ExitCode), Is.EqualTo((SandboxEnd.Failed, 1)));
        Assert.That(run.Error, Has.Length.LessThanOrEqualTo(16384).And.EndsWith("ValueError: the end\n"));
        Assert.That(run.Describe(), Is.EqualTo("failed with exit code 1: ValueError: the end"));
    }

    [TestCaseSource(nameof(Both))]
    public async Task AHugeFileIsRefused(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        SandboxRun run = await sandbox.RunAsync("""
            with open("big", "wb") as file:
                for i in range(10):
                    file.write(bytes(1 << 20))
            """);
        Assert.That(run.Describe(), Is.EqualTo("failed with exit code 1: OSError: [Errno 27] File too large"));
    }

    [Test]
    public async Task ManyFilesFillOnlyTheWorkDirectory()
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync();
        Sandboxes.Require(sandbox, Protection.Mounts);
        SandboxRun run = await sandbox.RunAsync("""
            for i in range(10):
                with open("/tmp/%d" % i if i % 2 else "/dev/shm/%d" % i, "wb") as file:
                    file.write(bytes(3 << 20))
            """);
        Assert.That(run.Describe(), Is.EqualTo("failed with exit code 1: OSError: [Errno 28] No space left on device"));
    }

    [TestCaseSource(nameof(Both))]
    public async Task OtherProcessesAreOutOfReach(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        RequireOwnRights(sandbox, Protection.Processes);
        using Process other = Process.Start("sleep", "30");
        try
        {
            SandboxRun run = await sandbox.RunAsync("""
                import os
                try:
                    os.kill(int(input()), 9)
                    print("killed")
                except OSError as error:
                    print("no")
                try:
                    open("/proc/1/environ").read()
                    print("read")
                except OSError as error:
                    print("no")
                """, other.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.That(run.Output, Is.EqualTo("no\nno\n"));
            Assert.That(other.HasExited, Is.False);
        }
        finally
        {
            other.Kill();
        }
    }

    [TestCaseSource(nameof(Both))]
    public async Task TheEnvironmentIsEmptyAndPrivilegesAreGone(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        SandboxRun run = await sandbox.RunAsync("""
            import os
            print(sorted(os.environ))
            print([line.split()[1].strip("0") for line in open("/proc/self/status") if line.startswith("CapEff")], os.getuid() == 0)
            print(sorted(os.listdir("/proc/self/fd")), os.getcwd() == os.environ["HOME"], os.getsid(0) == os.getpid())
            """);
        Assert.That(run.Output.Split('\n'), Is.EqualTo((string[])[
            "['HOME', 'LANG', 'MKL_NUM_THREADS', 'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'PATH', 'PYTHONHASHSEED', 'TMPDIR']",
            "[''] False", "['0', '1', '2', '3', '4'] True True", ""]), run.Error);
    }

    [TestCaseSource(nameof(Both))]
    public async Task EveryRunHasAnEmptyDirectoryThatIsDeleted(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        const string program = "import os\nprint(os.listdir('.'), os.getcwd())\nos.makedirs('a/b')\nopen('a/b/c', 'w').write('x')";
        SandboxRun first = await sandbox.RunAsync(program), second = await sandbox.RunAsync(program);
        foreach (string output in (string[])[first.Output, second.Output])
        {
            Assert.That(output, Does.StartWith("['program.py'] /tmp"));
            string directory = output.Trim().Split(' ')[1];
            Assert.That(Directory.Exists(directory) && bare, Is.False);
            Assert.That(File.Exists(Path.Combine(directory, "a/b/c")), Is.False);
        }
    }

    [TestCaseSource(nameof(Both))]
    public async Task InputAndOutputAreUnicodeOfAnySize(bool bare)
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync(bare);
        string text = "Grüße, 世界 🐍 " + new string('x', 50_000);
        SandboxRun run = await sandbox.RunAsync("# ä 🐍\nprint(open('/dev/stdin').read() + 'é')\n", text);
        Assert.That((run.End, run.Output), Is.EqualTo((SandboxEnd.Finished, text + "é\n")), run.Error);
        SandboxRun large = await sandbox.RunAsync("import sys\nprint(len(sys.stdin.read()))", new string('x', 5_000_000));
        Assert.That(large.Output, Is.EqualTo("5000000\n"), large.Error);
        SandboxRun none = await sandbox.RunAsync("import sys\nprint(repr(sys.stdin.read()), flush=True)\nsys.stdout.buffer.write(b'\\xff')");
        Assert.That(none.Output, Is.EqualTo("''\n\uFFFD"));
    }

    [Test]
    public async Task DeepRecursionWorksAndEndlessRecursionFails()
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync();
        const string function = "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(n): return 0 if n == 0 else 1 + f(n - 1)\n";
        SandboxRun run = await sandbox.RunAsync(function + "print(f(20000))");
        Assert.That(run.Output, Is.EqualTo("20000\n"), run.Describe());
        SandboxRun endless = await sandbox.RunAsync(function + "f(-1)");
        Assert.That(endless.End, Is.AnyOf(SandboxEnd.Failed, SandboxEnd.Memory, SandboxEnd.TimedOut));
    }

    [TestCase("import os\nos._exit(7)", 7)]
    [TestCase("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", 139)]
    [TestCase("raise SystemExit(3)", 3)]
    [TestCase("def (:", 1)]
    public async Task FailuresKeepTheirExitCode(string program, int code)
    {
        SandboxRun run = await (await Sandboxes.TightAsync()).RunAsync(program);
        Assert.That((run.End, run.ExitCode), Is.EqualTo((SandboxEnd.Failed, (int?)code)));
        Assert.That(run.Describe(), Does.StartWith($"failed with exit code {code}"));
    }

    [TestCaseSource(nameof(Both))]
    public async Task ACanceledRunIsGone(bool bare)
    {
        PythonSandbox sandbox = await PythonSandboxAsync(Sandboxes.Tight with { Wall = TimeSpan.FromSeconds(60) }, bare);
        string name = bare ? "st-cancel-bare" : "st-cancel";
        using CancellationTokenSource stop = new();
        Task<SandboxRun> running = sandbox.RunAsync(Named(name, "import time\ntime.sleep(60)"), null, stop.Token);
        while (Living(name) == 0 && !running.IsCompleted)
            await Task.Delay(10);
        await stop.CancelAsync();
        Assert.That(async () => await running, Throws.InstanceOf<OperationCanceledException>());
        Assert.That(Living(name), Is.Zero);
    }

    [Test]
    public async Task RunsDoNotDisturbEachOther()
    {
        PythonSandbox sandbox = await Sandboxes.UsualAsync();
        const string program = "open('x', 'w').write(input())\nimport time\ntime.sleep(0.1)\nprint(open('x').read())";
        SandboxRun[] runs = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => sandbox.RunAsync(program, $"{i}")));
        Assert.That(runs.Select(run => run.Output), Is.EqualTo((string[])["0\n", "1\n", "2\n", "3\n"]));
    }

    [Test]
    public async Task WhatIsInForceIsSaid()
    {
        PythonSandbox bare = await Sandboxes.TightAsync(bare: true), all = await Sandboxes.TightAsync();
        Assert.That(bare.NotInForce, Has.Count.GreaterThanOrEqualTo(Protection.All.Length));
        Assert.That(bare.NotInForce, Has.Some.StartsWith("no network"));
        Assert.That(bare.Advice, Is.Not.Null);
        Assert.That(bare.InForce, Has.Some.StartsWith("limits on time"));
        Assert.That(all.InForce.Count + all.NotInForce.Count, Is.EqualTo(Protection.All.Length + 2));
        Assert.That(all.Advice, all.NotInForce.Count == 0 ? Is.Null : Is.Not.Null);
        Assert.That(all.PythonVersion, Does.Match(@"^3\.\d+\.\d+$"));
        Assert.That(File.Exists(all.Python));
    }

    /// <summary>Every way of changing the user that this user may try leads to a sandbox, or is left out for a reason.</summary>
    [Test, Category("Slow")]
    public async Task EveryWayToChangeTheUserRunsPrograms()
    {
        string[] modes = Protection.UserModes(Environment.IsPrivilegedProcess);
        _ = await Sandboxes.TightAsync();
        foreach (string mode in modes)
        {
            PythonSandbox sandbox;
            try
            {
                sandbox = await SandboxProbe.ProbeAsync(Sandboxes.Tight, modes.Except([mode]).ToList(), CancellationToken.None);
            }
            catch (SandboxException e)
            {
                Assert.That(e.Message, Does.Contain($"user \"{mode}\": "));
                continue;
            }
            SandboxRun run = await sandbox.RunAsync("import os\nprint(os.getuid() != 0)");
            Assert.That((sandbox.Plan.User, run.Output), Is.EqualTo((mode, "True\n")), run.Error);
        }
    }

    [Test]
    public void LimitsUnderWhichNothingRunsAreRefused() =>
        Assert.That(
            async () => await PythonSandbox.ProbeAsync(new SandboxLimits { MemoryBytes = 1000 }),
            Throws.InstanceOf<ArgumentOutOfRangeException>().With.Property("ParamName").EqualTo("MemoryBytes"));

    [Test]
    public async Task AnInterpreterInTheTemporaryDirectoryIsFound()
    {
        PythonSandbox sandbox = await Sandboxes.TightAsync();
        Sandboxes.Require(sandbox, Protection.Mounts);
        DirectoryInfo folder = Directory.CreateTempSubdirectory("softthinking-venv-");
        try
        {
            string venv = Path.Combine(folder.FullName, "venv");
            await RunAsync(sandbox.Python, "-m", "venv", "--without-pip", venv);
            string python = Path.Combine(venv, "bin", "python3");
            PythonSandbox other = new(sandbox.Plan with { Python = python }, Sandboxes.Tight, "");
            SandboxRun run = await other.RunAsync("""
                import sys
                print(sys.prefix)
                try:
                    open(sys.prefix + "/x", "w")
                except OSError as error:
                    print(error.errno)
                open("/tmp/x", "w")
                """);
            Assert.That(run.Output, Is.EqualTo($"{venv}\n30\n"), run.Error);
            if (sandbox.Plan.User is "drop" or "both")
            {
                await RunAsync("chmod", "700", venv);
                SandboxRun refused = await other.RunAsync("print(1)");
                Assert.That((refused.End, refused.Error), Is.EqualTo(
                    (SandboxEnd.Broken, $"cannot start the program: [Errno 13] Permission denied: '{python}'")));
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Test, NonParallelizable]
    public async Task ARunLeavesNoDescriptorOpen()
    {
        PythonSandbox sandbox = await Sandboxes.UsualAsync();
        await sandbox.RunAsync("pass");
        int before = Directory.GetFileSystemEntries("/proc/self/fd").Length;
        for (int i = 0; i < 6; i++)
            await sandbox.RunAsync("pass");
        Assert.That(Directory.GetFileSystemEntries("/proc/self/fd"), Has.Length.LessThan(before + 6));
    }

    [Test]
    public async Task AnInterpreterThatDoesNotReplyIsEnded()
    {
        PythonSandbox sandbox = await Sandboxes.UsualAsync();
        string script = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(script, $"#!{sandbox.Python}\n" + Named("st-silent", "import time\ntime.sleep(60)"));
            await RunAsync("chmod", "500", script);
            using CancellationTokenSource stop = new();
            Task asked = SandboxProbe.IdentifyAsync(script, stop.Token);
            for (int i = 0; i < 1000 && Living("st-silent") == 0; i++)
                await Task.Delay(10);
            Assert.That(Living("st-silent"), Is.EqualTo(1));
            await stop.CancelAsync();
            Assert.That(async () => await asked, Throws.InstanceOf<OperationCanceledException>());
            for (int i = 0; i < 200 && Living("st-silent") > 0; i++)
                await Task.Delay(10);
            Assert.That(Living("st-silent"), Is.Zero);
        }
        finally
        {
            File.Delete(script);
        }
    }

    [Test]
    public async Task ManyThreadsHaveRoom()
    {
        SandboxRun run = await (await Sandboxes.UsualAsync()).RunAsync("""
            from concurrent.futures import ThreadPoolExecutor
            import time
            with ThreadPoolExecutor(16) as pool:
                print(sum(pool.map(lambda n: time.sleep(0.05) or n, range(32))))
            """);
        Assert.That(run.Output, Is.EqualTo("496\n"), run.Describe());
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using Process process = Process.Start(program, arguments);
        await process.WaitForExitAsync();
        Assert.That(process.ExitCode, Is.Zero);
    }

    private static void RequireOwnRights(PythonSandbox sandbox, string protection)
    {
        if (sandbox.Plan.User is "none" or "namespace")
            Sandboxes.Require(sandbox, protection);
    }

    private static async Task<PythonSandbox> PythonSandboxAsync(SandboxLimits limits, bool bare = false) =>
        new((await Sandboxes.TightAsync(bare)).Plan, limits, "");
}
