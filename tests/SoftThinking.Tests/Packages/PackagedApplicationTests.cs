using NUnit.Framework;
using SoftThinking.Tests.Cli;

namespace SoftThinking.Tests.Packages;

/// <summary>A fresh application with nothing but references to packages.</summary>
[Category("Slow")]
public class PackagedApplicationTests
{
    private const string Program =
        """
        using System.Diagnostics;
        using SoftThinking;

        Console.WriteLine($"started after {Age():F0} ms");
        using Engine engine = Engine.Load(args[0]);
        GenerationResult result = await engine.GenerateAsync(GenerationRequest.FromQuestion("What is 47 + 85 - 19?").WithDefaults(engine.Defaults));
        Console.WriteLine($"answered after {Age():F0} ms: {result.Answer.Trim()}");

        static double Age() => (DateTime.Now - Process.GetCurrentProcess().StartTime).TotalMilliseconds;
        """;

    [TestCase("framework-dependent")]
    [TestCase("self-contained", "--use-current-runtime", "--self-contained")]
    [TestCase("trimmed", "--use-current-runtime", "--self-contained", "-p:PublishTrimmed=true")]
    [TestCase("native", "--use-current-runtime", "-p:PublishAot=true")]
    public void AnswersWithoutWarnings(string form, params string[] options)
    {
        string app = Create($"app-{form}", "SoftThinking", "SoftThinking.Backend.Cpu"), output = Path.Combine(app, "out");
        string log = PackageFolder.Dotnet(["publish", app, "-c", "Release", "-o", output, "-p:TrimmerSingleWarn=false", .. options]);
        Assert.That(log, Does.Not.Contain("warning"));

        string[] answers = [.. Enumerable.Range(0, 3).Select(_ => PackageFolder.Run([.. Command(output, form), TestData.TinyReasoner]))];
        TestContext.Progress.WriteLine($"{form}: {SizeOf(output) / 1e6:F1} MB; {string.Join("; ", answers.Select(answer => answer.Trim().ReplaceLineEndings(", ")))}");
        Assert.That(answers, Has.All.Contain(@"\boxed{113}"));
    }

    [Test]
    public void AMissingBackendIsNamedInOneLine()
    {
        string app = Create("app-without-backend", "SoftThinking");
        Tool.Result result = PackageFolder.Try(CliProcess.Dotnet, "run", "--project", app, "--", TestData.TinyReasoner);
        string error = result.Output.Split('\n').Single(line => line.Contains("BackendException", StringComparison.Ordinal));
        Assert.That(error.Trim(), Is.EqualTo("Unhandled exception. SoftThinking.BackendException: the native library 'softthinking_cpu' was not found: "
            + "add a reference to the package SoftThinking.Backend.Cpu"));
        Assert.That(result.ExitCode, Is.Not.Zero);
    }

    private static string Create(string name, params string[] packages)
    {
        string folder = Directory.CreateDirectory(Path.Combine(PackageFolder.Path, "samples", name)).FullName;
        File.WriteAllText(Path.Combine(folder, "Program.cs"), Program);
        File.WriteAllText(Path.Combine(folder, "App.csproj"),
            $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <ItemGroup>
                {string.Concat(packages.Select(package => $"""<PackageReference Include="{package}" />"""))}
              </ItemGroup>
            </Project>
            """);
        return folder;
    }

    private static string[] Command(string output, string form) => form == "framework-dependent"
        ? [CliProcess.Dotnet, Path.Combine(output, "App.dll")]
        : [Path.Combine(output, OperatingSystem.IsWindows() ? "App.exe" : "App")];

    // Without symbols for debuggers.
    private static long SizeOf(string folder) => new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories)
        .Where(file => file.Extension is not (".pdb" or ".dbg")).Sum(file => file.Length);
}
