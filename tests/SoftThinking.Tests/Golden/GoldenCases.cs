using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>The checkpoints of a kind of golden data: those that the engine reads, and those that it refuses by name.</summary>
internal static class GoldenCases
{
    public static IEnumerable<string> Supported(string kind) => All(kind).Where(name => Refusal(kind, name) == null);

    public static IEnumerable<string> Refused(string kind) => All(kind).Where(name => Refusal(kind, name) != null);

    public static string PathOf(string kind, string name) => Path.Combine(TestData.FindGolden(kind)!, name);

    /// <summary>Why the engine does not read a case; null if it does.</summary>
    public static string? Refusal(string kind, string name)
    {
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(PathOf(kind, name));
            return null;
        }
        catch (ModelFileException error)
        {
            return error.Message;
        }
    }

    /// <summary>Fails if a case that has to be supported is not, or if one is missing where nothing replaces the data.</summary>
    public static void Check(string kind, IEnumerable<string> required)
    {
        if (!All(kind).Any())
            Assert.Ignore($"no golden data of {kind}: SOFTTHINKING_GOLDEN/{kind}, or that of the shared folder");
        Assert.That(Refused(kind).Intersect(required), Is.Empty);
        if (!TestData.GoldenIsReplaced)
            Assert.That(required.Except(All(kind)), Is.Empty);
    }

    private static IEnumerable<string> All(string kind) => TestData.FindGolden(kind) is string folder
        ? Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)
        : [];
}
