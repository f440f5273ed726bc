namespace SoftThinking.Quantization;

/// <summary>What lies beside the weights of a checkpoint and belongs to the model: configuration, tokenizer, chat template,
/// and whatever else is no weights.</summary>
internal static class CompanionFiles
{
    /// <summary>Files of weights, in the formats that models are published in.</summary>
    private static readonly HashSet<string> WeightFormats = new(StringComparer.OrdinalIgnoreCase)
    {
        ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".gguf", ".onnx", ".onnx_data", ".h5", ".msgpack", ".ot", ".tflite",
    };

    /// <summary>Names of the files, in alphabetical order. Directories are left out.</summary>
    public static string[] Of(string directory) =>
    [
        .. Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)!).Where(name => !HoldsWeights(name)).Order(StringComparer.Ordinal),
    ];

    /// <summary>Whether a file is one of weights, or an index of such.</summary>
    private static bool HoldsWeights(string name) =>
        WeightFormats.Contains(Path.GetExtension(name)) || name.EndsWith(".index.json", StringComparison.OrdinalIgnoreCase);
}
