namespace SoftThinking.Evaluation.Datasets;

/// <summary>The benchmarks that Soft Thinking was published with, by name. Their files are NAME.json.</summary>
public static class KnownBenchmarks
{
    /// <summary>The names.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["math500", "aime2024", "aime2025", "amc23", "gsm8k", "gpqa_diamond", "humaneval", "mbpp", "livecodebench"];

    /// <summary>Finds a data set by name or path, and reads it.</summary>
    /// <param name="nameOrPath">One of <see cref="Names"/>, or a file.</param>
    /// <param name="directory">Where the files of the known benchmarks are.</param>
    /// <exception cref="DatasetException">There is no such data set, or it has another shape.</exception>
    public static Dataset Load(string nameOrPath, string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        if (!Names.Contains(nameOrPath))
            return BenchmarkFile.Load(nameOrPath, NameOf(nameOrPath));
        string file = Path.Combine(directory, nameOrPath + ".json");
        if (!File.Exists(file))
            throw new DatasetException($"{file} does not exist; --datasets names the directory with the benchmarks' files. Nothing is downloaded");
        return BenchmarkFile.Load(file, nameOrPath);
    }

    // A path such as "data/" has no file name; loading it says why it is no data set.
    private static string NameOf(string path) =>
        Path.GetFileNameWithoutExtension(path) is { Length: > 0 } name ? name : "unnamed";
}
