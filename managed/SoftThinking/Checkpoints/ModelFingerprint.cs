using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace SoftThinking.Checkpoints;

/// <summary>Hashes by which processes recognize that they have the same model: of its config.json, of the tensors' names, types and
/// shapes, and of the first and last bytes of each tensor. To hash all bytes would take as long as to load them.</summary>
internal sealed record ModelFingerprint(string Config, string Tensors, string Weights)
{
    private const int SampleBytes = 4096;

    public static ModelFingerprint Of(Checkpoint checkpoint)
    {
        using IncrementalHash tensors = IncrementalHash.CreateHash(HashAlgorithmName.SHA256), weights = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (TensorInfo info in checkpoint.Tensors.OrderBy(info => info.Name, StringComparer.Ordinal))
        {
            tensors.AppendData(Encoding.UTF8.GetBytes($"{info.Name} {info.Dtype} {ShapeText.Of(info.Shape.AsSpan())}\n"));
            Tensor tensor = checkpoint.Stored(info.Name);
            int sample = (int)Math.Min(tensor.Bytes, SampleBytes);
            weights.AppendData(tensor.Span(0, sample));
            weights.AppendData(tensor.Span(tensor.Bytes - sample, sample));
        }
        byte[] config = File.ReadAllBytes(Path.Combine(checkpoint.Directory, "config.json"));
        return new(Text(SHA256.HashData(config)), Text(tensors.GetHashAndReset()), Text(weights.GetHashAndReset()));
    }

    /// <summary>Of weights that follow from a name and a seed.</summary>
    public static ModelFingerprint Of(string name, ulong seed)
    {
        string text = $"{name} {seed}";
        return new(text, text, text);
    }

    /// <summary>What is different in another model, for use after "of another model: "; null if it is the same.</summary>
    public string? Difference(ModelFingerprint other) =>
        Config != other.Config ? "config.json differs"
        : Tensors != other.Tensors ? "the tensors' names, types or shapes differ"
        : Weights != other.Weights ? "the weights differ"
        : null;

    private static string Text(ReadOnlySpan<byte> hash) => BinaryPrimitives.ReadUInt128BigEndian(hash).ToString("x32");
}
