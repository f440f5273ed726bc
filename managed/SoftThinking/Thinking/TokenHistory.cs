namespace SoftThinking;

/// <summary>The concept tokens of a sequence, in flat arrays. One thread appends; any other may read the tokens before
/// the <see cref="Count"/> that it saw.</summary>
internal sealed class TokenHistory(int tokens, int entries)
{
    private int[] _ends = new int[tokens];
    private int[] _ids = new int[entries];
    private float[] _weights = new float[entries];
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public void Append(ReadOnlySpan<int> ids, ReadOnlySpan<float> weights)
    {
        int first = StartOf(_count), end = first + ids.Length;
        // Whoever reads meanwhile keeps the old arrays, which hold all that it may look at.
        while (_ids.Length < end)
        {
            Array.Resize(ref _ids, Math.Max(16, 2 * _ids.Length));
            Array.Resize(ref _weights, _ids.Length);
        }
        if (_ends.Length == _count)
            Array.Resize(ref _ends, Math.Max(16, 2 * _count));
        ids.CopyTo(_ids.AsSpan(first));
        weights.CopyTo(_weights.AsSpan(first));
        _ends[_count] = end;
        Volatile.Write(ref _count, _count + 1);
    }

    public int HeadOf(int token) => _ids[StartOf(token)];

    public ReadOnlySpan<int> IdsOf(int token) => _ids.AsSpan(StartOf(token).._ends[token]);

    public ReadOnlySpan<float> WeightsOf(int token) => _weights.AsSpan(StartOf(token).._ends[token]);

    public ConceptToken this[int token] => new([.. IdsOf(token)], [.. WeightsOf(token)]);

    private int StartOf(int token) => token == 0 ? 0 : _ends[token - 1];
}
