using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;

namespace SoftThinking;

/// <summary>The unit of every position of a sequence: a token that is emitted, and the entries whose weighted embeddings are the
/// input of the model. A plain token has itself as its only entry. The default value is the plain token 0.</summary>
public readonly struct ConceptToken : IEquatable<ConceptToken>
{
    /// <summary>Most entries of a concept token.</summary>
    public const int MaxEntries = 1024;

    private const double NormalizedWithin = 1e-5, AcceptedWithin = 1e-3;

    private readonly ImmutableArray<ConceptEntry> _entries; // default: plain

    /// <summary>A plain token.</summary>
    /// <param name="token">Token id, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public ConceptToken(int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        Token = token;
    }

    /// <summary>A mixture. The order of the entries is part of its identity, because it is the order of summation; an id may
    /// occur several times. Weights that sum to 1 within 1e-5 are kept bit for bit; others are divided by their sum.</summary>
    /// <param name="token">The emitted token id, 0 or more; it need not be among the entries.</param>
    /// <param name="entries">1 to <see cref="MaxEntries"/> entries, weights finite, 0 or more, with a sum of 1 within 1e-3.</param>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    /// <exception cref="ArgumentException">The entries are not as described.</exception>
    public ConceptToken(int token, params ReadOnlySpan<ConceptEntry> entries)
        : this(token)
    {
        double sum = CheckedSum(entries);
        ConceptEntry[] copy = entries.ToArray();
        if (Math.Abs(sum - 1) > NormalizedWithin)
        {
            foreach (ref ConceptEntry entry in copy.AsSpan())
                entry = entry with { Weight = (float)(entry.Weight / sum) };
        }
        if (copy is not [{ Weight: 1 } only] || only.Id != token)
            _entries = ImmutableCollectionsMarshal.AsImmutableArray(copy);
    }

    private ConceptToken(int token, ImmutableArray<ConceptEntry> entries) => (Token, _entries) = (token, entries);

    /// <summary>The emitted token id: what is shown, streamed, counted by penalties and matched against stop ids and markers.</summary>
    public int Token { get; }

    /// <summary>Whether the token is its own and only entry.</summary>
    public bool IsPlain => _entries.IsDefault;

    /// <summary>The entries in the order of summation; at least one.</summary>
    public ImmutableArray<ConceptEntry> Entries => _entries.IsDefault ? [new(Token, 1)] : _entries;

    /// <summary>Number of entries.</summary>
    public int Count => _entries.IsDefault ? 1 : _entries.Length;

    /// <summary>A sampled token, exactly as the device returned it.</summary>
    internal static ConceptToken FromDevice(int token, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights)
    {
        if (ids.Length == 1 && ids[0] == token && weights[0] == 1)
            return new ConceptToken(token);
        var entries = new ConceptEntry[ids.Length];
        for (int i = 0; i < entries.Length; i++)
            entries[i] = new(ids[i], weights[i]);
        return new ConceptToken(token, ImmutableCollectionsMarshal.AsImmutableArray(entries));
    }

    /// <inheritdoc/>
    public bool Equals(ConceptToken other) => Token == other.Token
        && (_entries.IsDefault ? other._entries.IsDefault : !other._entries.IsDefault && _entries.AsSpan().SequenceEqual(other._entries.AsSpan()));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ConceptToken other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _entries.IsDefault ? Token : HashCode.Combine(Token, _entries.Length, _entries[0]);

    /// <summary>The emitted id, and for a mixture the entries: "7" or "7 {7: 0.75, 12: 0.25}".</summary>
    public override string ToString()
    {
        if (IsPlain)
            return Token.ToString(CultureInfo.InvariantCulture);
        IEnumerable<string> entries = _entries.Select(entry => string.Create(CultureInfo.InvariantCulture, $"{entry.Id}: {entry.Weight}"));
        return $"{Token.ToString(CultureInfo.InvariantCulture)} {{{string.Join(", ", entries)}}}";
    }

    /// <summary>Whether two concept tokens emit the same id and have the same entries in the same order.</summary>
    public static bool operator ==(ConceptToken left, ConceptToken right) => left.Equals(right);

    /// <summary>Whether two concept tokens differ.</summary>
    public static bool operator !=(ConceptToken left, ConceptToken right) => !left.Equals(right);

    private static double CheckedSum(ReadOnlySpan<ConceptEntry> entries)
    {
        if (entries.IsEmpty || entries.Length > MaxEntries)
            throw new ArgumentException($"a concept token has 1 to {MaxEntries} entries, not {entries.Length}", nameof(entries));
        double sum = 0;
        foreach ((int id, float weight) in entries)
        {
            if (id < 0)
                throw new ArgumentException($"entry id {id} is negative", nameof(entries));
            if (!(weight >= 0 && float.IsFinite(weight)))
                throw new ArgumentException(FormattableString.Invariant($"the weight of id {id} is {weight}; weights are finite and 0 or more"), nameof(entries));
            sum += weight;
        }
        return Math.Abs(sum - 1) <= AcceptedWithin
            ? sum
            : throw new ArgumentException(FormattableString.Invariant($"the weights sum to {sum}; the sum must be 1 within {AcceptedWithin}"), nameof(entries));
    }
}
