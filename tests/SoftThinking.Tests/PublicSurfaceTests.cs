using NUnit.Framework;
using PublicApiGenerator;
using SoftThinking.Extensions.AI;

namespace SoftThinking.Tests;

/// <summary>The public surface of the libraries changes only on purpose.</summary>
public class PublicSurfaceTests
{
    private const string Accept = "SOFTTHINKING_ACCEPT_API";

    [TestCase(typeof(EngineOptions))]
    [TestCase(typeof(SoftThinkingChatClient))]
    public void PublicSurface_IsThatOfTheBaseline(Type type)
    {
        string name = type.Assembly.GetName().Name + ".txt", baseline = Path.Combine(TestData.RepositoryRoot, "api", name);
        string surface = type.Assembly
            .GeneratePublicApi(new ApiGeneratorOptions { IncludeAssemblyAttributes = false })
            .ReplaceLineEndings("\n")
            .TrimEnd() + "\n";
        if (Environment.GetEnvironmentVariable(Accept) == "1")
            File.WriteAllText(baseline, surface);
        string expected = File.Exists(baseline) ? File.ReadAllText(baseline).ReplaceLineEndings("\n") : "";
        Assert.That(surface, Is.EqualTo(expected),
            $"the public surface differs from api/{name}; to accept the change, run this test with {Accept}=1, which rewrites the file");
    }
}
