using System.Security.Cryptography;
using System.Text.Json;

namespace SoftThinking.Evaluation.Datasets;

/// <summary>
/// Reads a data set in the form that Soft Thinking was published with: a JSON array of objects with "prompt", an array whose
/// first element holds the question as "value", and "final_answer"; for multiple choice also "choices". Optional: "groups",
/// an object of texts by which reports group the items.
/// </summary>
public static class BenchmarkFile
{
    // All published files together have less than 3 MB.
    private const long MaxBytes = 1L << 30;

    /// <summary>Reads a data set.</summary>
    /// <param name="path">The file.</param>
    /// <param name="name">Name of the data set.</param>
    /// <exception cref="DatasetException">The file does not exist or has another shape; the message names the item and the key.</exception>
    public static Dataset Load(string path, string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(name);
        byte[] bytes = ReadBytes(path);
        JsonElement array = Parse(path, bytes);
        if (array.ValueKind != JsonValueKind.Array)
            throw new DatasetException($"{path}: the file must hold a JSON array of items");
        if (array.GetArrayLength() == 0)
            throw new DatasetException($"{path}: the data set has no items");
        List<BenchmarkItem> items = [];
        BenchmarkKind? kind = null;
        foreach (JsonElement element in array.EnumerateArray())
        {
            string where = $"{path}, item {items.Count}";
            ItemReader reader = new(where, element);
            BenchmarkKind found = reader.Kind();
            if (found != (kind ??= found))
                throw new DatasetException($"{where}: \"final_answer\" is of the kind {found}, those before it of the kind {kind}");
            items.Add(reader.Read(items.Count, found));
        }
        return new Dataset(name, kind!.Value, Convert.ToHexStringLower(SHA256.HashData(bytes)), items);
    }

    private static byte[] ReadBytes(string path)
    {
        try
        {
            FileInfo file = new(path);
            if (!file.Exists)
                throw new DatasetException(Directory.Exists(path) ? $"{path} is a directory, not a data set" : $"{path} does not exist");
            if (file.Length > MaxBytes)
                throw new DatasetException($"{path}: the file is larger than {MaxBytes} bytes");
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DatasetException($"{path} cannot be read: {error.Message}", error);
        }
    }

    private static JsonElement Parse(string path, byte[] bytes)
    {
        try
        {
            return UntrustedJson.Parse(bytes);
        }
        catch (FormatException error)
        {
            throw new DatasetException($"{path}: the file is {error.Message}", error);
        }
    }
}

/// <summary>A data set that cannot be used. The message names the file, the item and the key.</summary>
public sealed class DatasetException(string message, Exception? inner = null) : Exception(message, inner);
