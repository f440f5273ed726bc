using System.Reflection;

namespace SoftThinking.Tests;

/// <summary>Finds the data that tests read: files of the repository, and golden data outside it.</summary>
internal static class TestData
{
    /// <summary>Root of the repository: what SOFTTHINKING_REPOSITORY says, or the nearest folder above the test assembly that
    /// holds SoftThinking.sln.</summary>
    public static string RepositoryRoot { get; } = FindRepositoryRoot();

    /// <summary>Debug or Release: what the tests were built as.</summary>
    public static string Configuration { get; } =
        typeof(TestData).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    /// <summary>The demonstration model.</summary>
    public static string TinyReasoner => Path.Combine(RepositoryRoot, "models", "tiny-reasoner");

    /// <summary>Folder of one kind of golden data ("sampler", "forward", "families", ...), or null where it
    /// is absent. SOFTTHINKING_GOLDEN replaces every place; then the repository's own copy, then the shared folder.</summary>
    public static string? FindGolden(string kind)
    {
        if (GoldenIsReplaced)
            return Existing(Path.Combine(Replaced!, kind));
        return Existing(Path.Combine(RepositoryRoot, "tests", "data", kind))
            ?? Existing(Path.Combine(SharedRoot, "golden", kind));
    }

    /// <summary>Whether SOFTTHINKING_GOLDEN is set.</summary>
    public static bool GoldenIsReplaced => !string.IsNullOrEmpty(Replaced);

    private static string? Replaced => Environment.GetEnvironmentVariable("SOFTTHINKING_GOLDEN");

    /// <summary>File of a published data set; not part of the repository.</summary>
    public static string DatasetFile(string name) => Path.Combine(SharedRoot, "datasets", name + ".json");

    private static string SharedRoot =>
        Environment.GetEnvironmentVariable("SOFTTHINKING_SHARED") is { Length: > 0 } shared
            ? shared
            : Path.GetFullPath(Path.Combine(RepositoryRoot, "..", "shared"));

    private static string? Existing(string folder) => Directory.Exists(folder) ? folder : null;

    private static string FindRepositoryRoot()
    {
        if (Environment.GetEnvironmentVariable("SOFTTHINKING_REPOSITORY") is { Length: > 0 } root)
            return root;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder != null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "SoftThinking.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException($"no SoftThinking.sln above {AppContext.BaseDirectory}: set SOFTTHINKING_REPOSITORY to the root of the repository");
    }
}
