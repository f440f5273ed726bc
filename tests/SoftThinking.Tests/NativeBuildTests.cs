using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NUnit.Framework;
using NUnit.Framework.Interfaces;

namespace SoftThinking.Tests;

/// <summary>What the native build produces, and its errors when it cannot.</summary>
[NonParallelizable]
public class NativeBuildTests
{
    private string _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("softthinking-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void LibraryIsNextToTheAssemblyAndLoads()
    {
        string name = OperatingSystem.IsWindows() ? "softthinking_cpu.dll"
            : OperatingSystem.IsMacOS() ? "libsoftthinking_cpu.dylib"
            : "libsoftthinking_cpu.so";
        nint library = NativeLibrary.Load(Path.Combine(AppContext.BaseDirectory, name));
        Assert.That(NativeLibrary.TryGetExport(library, "st_get_api", out _), Is.True);
    }

    [Test]
    public void MissingCMakeIsOneErrorThatSaysHowToGetIt()
    {
        string[] errors = Build(["-p:CMakeCommand=no-such-cmake"]);

        Assert.That(errors, Has.Length.EqualTo(1), string.Join('\n', errors));
        Assert.That(errors[0], Does.Contain("error ST0001").And.Contain("no-such-cmake").And.Contain("apt install cmake")
            .And.Contain("brew install").And.Contain("winget install"));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void MissingCompilerIsOneErrorThatSaysHowToGetIt()
    {
        // A PATH with what starts CMake, CMake and Ninja, and nothing else.
        string bin = Directory.CreateDirectory(Path.Combine(_folder, "bin")).FullName;
        foreach (string tool in new[] { "sh", "cmake", "ninja" })
        {
            if (FindOnPath(tool) is not { } path)
            {
                Assert.Ignore($"{tool} is absent");
                return;
            }
            File.CreateSymbolicLink(Path.Combine(bin, tool), path);
        }

        string[] errors = Build([], new() { ["PATH"] = bin, ["CC"] = null, ["CXX"] = null });

        Assert.That(errors, Has.Length.EqualTo(1), string.Join('\n', errors));
        Assert.That(errors[0], Does.Contain("error ST0002").And.Contain("apt install g++").And.Contain("xcode-select")
            .And.Contain("Visual Studio"));
    }

    [Test]
    public void ErrorOfTheCompilerNamesFileAndLine()
    {
        File.WriteAllText(Path.Combine(_folder, "broken.cpp"), "\nint broken() { return undeclared_name; }\n");

        Assert.That(Build([]), Has.Some.Match(@"broken\.cpp\(2,.*error.*undeclared_name"));
    }

    [Test]
    public void ErrorOfTheLinkerNamesTheSymbol()
    {
        File.WriteAllText(Path.Combine(_folder, "broken.cpp"), "int undefined_name();\nint main() { return undefined_name(); }\n");

        Assert.That(Build([]), Has.Some.Match("error ST0003.*undefined_name"));
    }

    [Test]
    public void ErrorOfCMakeIsShown()
    {
        File.WriteAllText(Path.Combine(_folder, "CMakeLists.txt"), "unknown_command()\n");

        Assert.That(Build([]), Has.Some.Match("error ST0003.*unknown_command"));
    }

    [TestCase("GTest", "GoogleTest.IsInstalled", "apt install libgtest-dev")]
    [TestCase("Boost", "BoostContext.IsInstalled", "apt install libboost-context-dev")]
    [TestCase("MPI", "Mpi.IsInstalled", "apt install openmpi-bin libopenmpi-dev")]
    public void MissingPackageIsASkippedTestThatSaysHowToGetIt(string package, string test, string command)
    {
        string[] generator = FindOnPath("ninja") == null ? [] : ["-G", "Ninja"];
        Tool.Result configured = Tool.Run(["cmake", "-S", TestData.RepositoryRoot, "-B", _folder, .. generator,
            "-D", "SOFTTHINKING_CUDA=OFF", "-D", $"CMAKE_DISABLE_FIND_PACKAGE_{package}=ON"]);
        Assert.That(configured.ExitCode, Is.Zero, configured.Output);

        List<NativeSuite> suites = NativeSuite.List(_folder, "Release");
        if (package != "GTest" && suites.Any(suite => suite.Name == "GoogleTest.IsInstalled"))
            Assert.Ignore("GoogleTest is not installed: apt install libgtest-dev");

        NativeResult result = suites.Single(suite => suite.Name == test).ResultOf(test);
        Assert.That(result.Status, Is.EqualTo(TestStatus.Skipped), result.Text);
        Assert.That(result.Text, Does.Contain(command));
    }

    /// <summary>Runs the native build of SoftThinking.csproj on a small project of its own, which must fail.</summary>
    /// <returns>The errors, each once.</returns>
    private string[] Build(string[] properties, Dictionary<string, string?>? environment = null)
    {
        string root = TestData.RepositoryRoot;
        string dotnet = Environment.ProcessPath is { } self && Path.GetFileNameWithoutExtension(self) == "dotnet" ? self : "dotnet";
        Directory.CreateDirectory(Path.Combine(_folder, "cmake"));
        File.Copy(Path.Combine(root, "cmake", "BuildLocked.cmake"), Path.Combine(_folder, "cmake", "BuildLocked.cmake"));
        if (!File.Exists(Path.Combine(_folder, "CMakeLists.txt")))
        {
            File.WriteAllText(Path.Combine(_folder, "CMakeLists.txt"), """
                cmake_minimum_required(VERSION 3.22)
                project(Small LANGUAGES CXX)
                add_executable(backends broken.cpp)
                """);
        }
        Tool.Result build = Tool.Run([dotnet, "msbuild", Path.Combine(root, "managed", "SoftThinking", "SoftThinking.csproj"),
            "-t:BuildNative", "-nologo", "-nodeReuse:false", $"-p:RepositoryRoot={_folder}/", .. properties],
            environment: environment);

        Assert.That(build.ExitCode, Is.Not.Zero, build.Output);
        return [.. build.Output.Split('\n').Where(line => Regex.IsMatch(line, @"\berror\b.*:")).Select(line => line.Trim()).Distinct()];
    }

    private static string? FindOnPath(string tool) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
}
