namespace SoftThinking.Quantization;

/// <summary>The files of a checkpoint other than weights: configuration, tokenizer, chat template, and the rest of the
/// directory.</summary>
internal static class CompanionFiles
{
    /// <summary>Extensions of weight files, in the formats that models are published in.</summary>
    private static readonly HashSet<string> WeightFormats = new(StringComparer.OrdinalIgnoreCase)
    {
        ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".onnx_data", ".h5", ".msgpack", ".ot", ".tflite",
    };

    /// <summary>Names of the files, in alphabetical order. Directories are skipped.</summary>
    public static string[] Of(string directory) =>
    [
        .. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)!).Where(name => !HoldsWeights(name)).Order(StringComparer.Ordinal),
    ];

    /// <summary>Whether a file holds weights, or is their index.</summary>
    private static bool HoldsWeights(string name) =>
        WeightFormats.Contains(Path.GetExtension(name)) || name.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase);
}
