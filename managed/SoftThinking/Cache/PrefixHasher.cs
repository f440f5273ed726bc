using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SoftThinking.Cache;

/// <summary>Names the first blocks of a sequence by what they hold: SHA-256, so that nobody can make up two prefixes of
/// one name. 0 is the empty prefix.</summary>
internal readonly record struct PrefixHash(UInt128 High, UInt128 Low);

/// <summary>Computes the hashes of prefixes, block by block. Ids and weights of every concept token count: a mixture
/// never poses as its head.</summary>
internal sealed class PrefixHasher : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>Hash of a prefix that is one block longer than <paramref name="parent"/>.</summary>
    /// <param name="first">Position of the block's first token.</param>
    public PrefixHash Extend(PrefixHash parent, TokenHistory tokens, int first)
    {
        _hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<PrefixHash>(in parent)));
        for (int i = first; i < first + KvCache.BlockPositions; i++)
        {
            ReadOnlySpan<int> ids = tokens.IdsOf(i);
            int entries = ids.Length;
            _hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in entries)));
            _hash.AppendData(MemoryMarshal.AsBytes(ids));
            _hash.AppendData(MemoryMarshal.AsBytes(tokens.WeightsOf(i)));
        }
        PrefixHash hash = default;
        _hash.GetHashAndReset(MemoryMarshal.AsBytes(new Span<PrefixHash>(ref hash)));
        return hash;
    }

    public void Dispose() => _hash.Dispose();
}
