using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SoftThinking.Cache;

/// <summary>Identifies a prefix of whole blocks by its content. SHA-256, so that two prefixes with the same hash cannot be
/// constructed. 0 is the empty prefix.</summary>
internal readonly record struct PrefixHash(UInt128 High, UInt128 Low);

/// <summary>Computes the hashes of prefixes, block by block, over the ids and weights of all entries in order, so that a mixture
/// never matches its emitted token. Emitted tokens are not hashed: keys and values do not depend on them.</summary>
internal sealed class PrefixHasher
{
    private const int HashBytes = 32;

    // A block's parent hash, then for each token its number of entries, its ids and its weights. One digest per block, because
    // a call into the cryptographic library costs as much as hashing hundreds of bytes.
    private byte[] _content = new byte[HashBytes + KvCache.BlockPositions * 3 * sizeof(int)];

    /// <summary>Hash of a prefix that is one block longer than <paramref name="parent"/>.</summary>
    /// <param name="first">Position of the block's first token.</param>
    public PrefixHash Extend(PrefixHash parent, TokenHistory tokens, int first)
    {
        int length = HashBytes;
        MemoryMarshal.Write(_content, parent);
        for (int i = first; i < first + KvCache.BlockPositions; i++)
        {
            ReadOnlySpan<int> ids = tokens.IdsAt(i);
            int bytes = ids.Length * sizeof(int);
            if (_content.Length < length + sizeof(int) + 2 * bytes)
                Array.Resize(ref _content, 2 * (length + sizeof(int) + 2 * bytes));
            BinaryPrimitives.WriteInt32LittleEndian(_content.AsSpan(length), ids.Length);
            MemoryMarshal.AsBytes(ids).CopyTo(_content.AsSpan(length + sizeof(int)));
            MemoryMarshal.AsBytes(tokens.WeightsAt(i)).CopyTo(_content.AsSpan(length + sizeof(int) + bytes));
            length += sizeof(int) + 2 * bytes;
        }
        PrefixHash hash = default;
        SHA256.HashData(_content.AsSpan(0, length), MemoryMarshal.AsBytes(new Span<PrefixHash>(ref hash)));
        return hash;
    }
}
