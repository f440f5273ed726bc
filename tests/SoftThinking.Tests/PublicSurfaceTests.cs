using NUnit.Framework;
using PublicApiGenerator;

namespace SoftThinking.Tests;

/// <summary>The public surface of the library changes only on purpose.</summary>
public class PublicSurfaceTests
{
    private const string Accept = "SOFTTHINKING_ACCEPT_API";

    private static string Baseline => Path.Combine(TestData.RepositoryRoot, "api", "SoftThinking.txt");

    [Test]
    public void PublicSurface_IsThatOfTheBaseline()
    {
        string surface = typeof(EngineOptions).Assembly
            .GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false })
            .ReplaceLineEndings("\n")
            .TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable(Accept) == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Baseline)!);
            File.WriteAllText(Baseline, surface);
        }
        string expected = File.Exists(Baseline) ? File.ReadAllText(Baseline).ReplaceLineEndings("\n") : "";
        Assert.That(surface, Is.EqualTo(expected),
            $"the public surface differs from api/SoftThinking.txt; to accept the change, run this test with {Accept}=1, which rewrites the file");
    }
}
