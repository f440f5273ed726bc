using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Evaluation.Tests;

/// <summary>Files outside the repository.</summary>
internal static class SharedFiles
{
    /// <summary>The file of a benchmark; the test is skipped where it does not exist.</summary>
    public static string Dataset(string name)
    {
        string path = TestData.DatasetFile(name);
        if (!File.Exists(path))
            Assert.Ignore($"'{path}' does not exist; set SOFTTHINKING_SHARED to the folder that holds datasets/{name}.json.");
        return path;
    }
}
