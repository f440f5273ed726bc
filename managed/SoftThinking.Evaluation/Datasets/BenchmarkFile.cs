using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;

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
        JsonArray array = Parse(path, bytes) as JsonArray
            ?? throw new DatasetException($"{path}: the file must hold a JSON array of items");
        if (array.Count == 0)
            throw new DatasetException($"{path}: the data set has no items");
        List<BenchmarkItem> items = [];
        BenchmarkKind? kind = null;
        for (int i = 0; i < array.Count; i++)
        {
            ItemReader reader = new($"{path}, item {i}", array[i]);
            BenchmarkKind found = reader.Kind();
            if (found != (kind ??= found))
                throw new DatasetException($"{path}, item {i}: \"final_answer\" is of the kind {found}, those before it of the kind {kind}");
            items.Add(reader.Read(i, found));
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

    private static JsonNode? Parse(string path, byte[] bytes)
    {
        ReadOnlySpan<byte> text = bytes;
        if (text.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
            text = text[3..];
        try
        {
            return JsonNode.Parse(text, documentOptions: new() { AllowDuplicateProperties = false });
        }
        catch (JsonException error)
        {
            throw new DatasetException($"{path}: not valid JSON, or a key stands twice, at line {error.LineNumber + 1}, byte {error.BytePositionInLine + 1}", error);
        }
    }
}

/// <summary>A data set that cannot be used. The message names the file, the item and the key.</summary>
public sealed class DatasetException(string message, Exception? inner = null) : Exception(message, inner);
