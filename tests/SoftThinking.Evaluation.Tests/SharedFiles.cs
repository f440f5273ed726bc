using NUnit.Framework;

namespace SoftThinking.Evaluation.Tests;

/// <summary>Files outside the repository.</summary>
internal static class SharedFiles
{
    /// <summary>What SOFTTHINKING_SHARED says, or the folder "shared" beside the repository.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>The file of a benchmark; the test is skipped where it does not exist.</summary>
    public static string Dataset(string name)
    {
        string path = Path.Combine(Root, "datasets", name + ".json");
        if (!File.Exists(path))
            Assert.Ignore($"'{path}' does not exist; set SOFTTHINKING_SHARED to the folder that holds datasets/{name}.json.");
        return path;
    }

    private static string FindRoot()
    {
        if (Environment.GetEnvironmentVariable("SOFTTHINKING_SHARED") is { Length: > 0 } shared)
            return shared;
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "SoftThinking.sln")))
            directory = directory.Parent;
        return Path.Combine(directory?.FullName ?? ".", "..", "shared");
    }
}
