using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Tests.Cli;

namespace SoftThinking.Tests.Packages;

/// <summary>A folder outside the repository with all packages in artifacts/packages, as managed/Packages.proj makes them of what the
/// tests were built from, and the samples with the files of properties that they import.</summary>
[SetUpFixture]
internal sealed class PackageFolder
{
    private static TempFolder _folder = null!;

    public static string Path => _folder.Path;

    public static string Packages => _folder.File("artifacts/packages");

    [OneTimeSetUp]
    public void Pack()
    {
        _folder = new TempFolder();
        foreach (string properties in (string[])["Directory.Build.props", "Directory.Packages.props"])
            File.Copy(System.IO.Path.Combine(TestData.RepositoryRoot, properties), _folder.File(properties));
        CopySources(System.IO.Path.Combine(TestData.RepositoryRoot, "samples"), _folder.File("samples"));
        Dotnet("msbuild", System.IO.Path.Combine(TestData.RepositoryRoot, "managed", "Packages.proj"),
            "-p:NoBuild=true", $"-p:Configuration={TestData.Configuration}", $"-p:PackageOutputPath={Packages}");
    }

    [OneTimeTearDown]
    public void Delete() => _folder.Dispose();

    /// <summary>Runs dotnet, which must succeed, and returns what it printed.</summary>
    public static string Dotnet(params string[] arguments) => Run([CliProcess.Dotnet, .. arguments]);

    /// <summary>Runs a program, which must succeed, with caches of packages inside the folder: what was installed before has no
    /// influence.</summary>
    public static string Run(params string[] command)
    {
        Tool.Result result = Try(command);
        Assert.That(result.ExitCode, Is.Zero, $"{string.Join(' ', command)}\n{result.Output}");
        return result.Output;
    }

    public static Tool.Result Try(params string[] command) => Tool.Run(command, Path, Environment(), TimeSpan.FromMinutes(10));

    private static Dictionary<string, string?> Environment()
    {
        Dictionary<string, string?> environment = new()
        {
            ["NUGET_PACKAGES"] = _folder.File("artifacts/package-cache"),
            ["DOTNET_CLI_HOME"] = _folder.File("home"),
            ["DOTNET_NOLOGO"] = "1",
            ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        };
        if (System.IO.Path.IsPathRooted(CliProcess.Dotnet))
            environment["DOTNET_ROOT"] = System.IO.Path.GetDirectoryName(CliProcess.Dotnet);
        return environment;
    }

    private static void CopySources(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from))
            File.Copy(file, System.IO.Path.Combine(to, System.IO.Path.GetFileName(file)));
        foreach (string folder in Directory.EnumerateDirectories(from).Where(name => System.IO.Path.GetFileName(name) is not ("bin" or "obj")))
            CopySources(folder, System.IO.Path.Combine(to, System.IO.Path.GetFileName(folder)));
    }
}
