namespace SoftThinking.Cache;

/// <summary>The concept tokens of a sequence, in flat arrays. One thread appends; other threads may read the tokens below
/// the <see cref="Count"/> that they observed.</summary>
internal sealed class TokenHistory(int tokens, int entries)
{
    private int[] _tokens = new int[tokens];
    private int[] _ends = new int[tokens];
    private int[] _ids = new int[entries];
    private float[] _weights = new float[entries];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    /// <summary>The concept token at a position.</summary>
    public ConceptToken this[int position] => ConceptToken.FromDevice(TokenAt(position), IdsAt(position), WeightsAt(position));

    public void Append(ConceptToken token)
    {
        Reserve(token.Count);
        int first = StartOf(_count);
        for (int i = 0; i < token.Count; i++)
        {
            ConceptEntry entry = token.IsPlain ? new(token.Token, 1) : token.Entries[i];
            (_ids[first + i], _weights[first + i]) = (entry.Id, entry.Weight);
        }
        Publish(token.Token, first + token.Count);
    }

    public void Append(int token, ReadOnlySpan<int> ids, ReadOnlySpan<float> weights)
    {
        Reserve(ids.Length);
        int first = StartOf(_count);
        ids.CopyTo(_ids.AsSpan(first));
        weights.CopyTo(_weights.AsSpan(first));
        Publish(token, first + ids.Length);
    }

    /// <summary>The emitted id at a position.</summary>
    public int TokenAt(int position) => _tokens[position];

    public ReadOnlySpan<int> IdsAt(int position) => _ids.AsSpan(StartOf(position).._ends[position]);

    public ReadOnlySpan<float> WeightsAt(int position) => _weights.AsSpan(StartOf(position).._ends[position]);

    private void Reserve(int entries)
    {
        // Concurrent readers keep the old arrays, which hold all tokens that they may read.
        int end = StartOf(_count) + entries;
        if (_ids.Length < end)
        {
            int capacity = Math.Max(end, Math.Max(16, 2 * _ids.Length));
            Array.Resize(ref _ids, capacity);
            Array.Resize(ref _weights, capacity);
        }
        if (_ends.Length > _count)
            return;
        Array.Resize(ref _ends, Math.Max(16, 2 * _count));
        Array.Resize(ref _tokens, _ends.Length);
    }

    private void Publish(int token, int end)
    {
        _tokens[_count] = token;
        _ends[_count] = end;
        Volatile.Write(ref _count, _count + 1);
    }

    private int StartOf(int position) => position == 0 ? 0 : _ends[position - 1];
}
