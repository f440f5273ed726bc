namespace SoftThinking.Templating;

/// <summary>The variable <c>loop</c>. It reads one item ahead only where the template needs the next
/// one.</summary>
internal sealed class LoopValue(IEnumerable<object?> items, Budget budget, int? count)
{
    private static readonly Builtin CycleMethod = new("cycle", null, 0, Cycle);
    private static readonly Builtin ChangedMethod = new("changed", null, 0, Changed);

    private readonly IEnumerator<object?> _items = items.GetEnumerator();
    private readonly Queue<object?> _ahead = new();
    private int? _count = count;
    private int _index = -1;
    private object? _previous;
    private SequenceValue? _lastChange;

    public object? Current { get; private set; }

    public bool MoveNext()
    {
        if (!HasNext())
            return false;
        _previous = Current;
        Current = _ahead.Dequeue();
        _index++;
        return true;
    }

    /// <summary>The number of all items; enumerates the rest where a condition decides which ones count.</summary>
    public int Length
    {
        get
        {
            if (_count == null)
            {
                while (_items.MoveNext())
                    _ahead.Enqueue(_items.Current);
                _count = _index + 1 + _ahead.Count;
            }
            return _count.Value;
        }
    }

    public bool TryAttribute(string name, out object? value)
    {
        value = name switch
        {
            "index" => _index + 1L,
            "index0" => (long)_index,
            "revindex" => (long)Length - _index,
            "revindex0" => (long)Length - _index - 1,
            "first" => _index == 0,
            "last" => !HasNext(),
            "length" => (long)Length,
            "depth" => 1L,
            "depth0" => 0L,
            "previtem" => _index == 0 ? new Undefined("there is no previous item") : _previous,
            "nextitem" => HasNext() ? _ahead.Peek() : new Undefined("there is no next item"),
            "cycle" => new BoundMethod(CycleMethod, this),
            "changed" => new BoundMethod(ChangedMethod, this),
            _ => this,
        };
        return !ReferenceEquals(value, this);
    }

    private bool HasNext()
    {
        if (_ahead.Count == 0 && _items.MoveNext())
            _ahead.Enqueue(_items.Current);
        return _ahead.Count > 0;
    }

    private static object? Cycle(Interpreter run, object? self, Arguments arguments)
    {
        object?[] choices = arguments.Call.Positional;
        if (choices.Length == 0)
            throw new EvaluationException("no items for cycling given");
        return choices[((LoopValue)self!)._index % choices.Length];
    }

    private static object? Changed(Interpreter run, object? self, Arguments arguments)
    {
        LoopValue loop = (LoopValue)self!;
        SequenceValue now = SequenceValue.Tuple(arguments.Call.Positional);
        bool changed = loop._lastChange == null || !Equality.AreEqual(loop._lastChange, now, loop.Budget);
        loop._lastChange = now;
        return changed;
    }

    private Budget Budget => budget;
}
