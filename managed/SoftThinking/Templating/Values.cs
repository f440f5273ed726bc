using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace SoftThinking.Templating;

// Values of the template language are CLR objects: null (None), bool, long, BigInteger (only carried, for numbers of
// the context beyond 64 bits), double, string, and the classes below. Lists and dicts never change once built,
// because the environment that templates are written for forbids it; only a namespace does.

/// <summary>The value of a name, attribute or element that does not exist.</summary>
/// <param name="reason">The message of the error that most uses raise.</param>
internal sealed class Undefined(string reason)
{
    public string Reason => reason;

    public EvaluationException Error() => new(reason);
}

internal enum SequenceKind { List, Tuple, Range, Keys, Values, Items }

/// <summary>Anything finite with a length: list, tuple, range, and the views of a dict.</summary>
internal sealed class SequenceValue(IReadOnlyList<object?> items, SequenceKind kind = SequenceKind.List)
{
    public IReadOnlyList<object?> Items => items;
    public SequenceKind Kind => kind;
    public int Count => items.Count;

    /// <summary>A pair made by groupby, whose parts are also called <c>grouper</c> and <c>list</c>.</summary>
    public bool IsGroup { get; init; }

    public bool IsIndexable => kind is SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range;

    public string TypeName => kind switch
    {
        SequenceKind.List => "list",
        SequenceKind.Tuple => "tuple",
        SequenceKind.Range => "range",
        SequenceKind.Keys => "dict_keys",
        SequenceKind.Values => "dict_values",
        _ => "dict_items",
    };

    public static SequenceValue Tuple(params object?[] items) => new(items, SequenceKind.Tuple);
}

/// <summary>What filters such as map and select yield: it can be enumerated once and has no length.</summary>
internal sealed class GeneratorValue(IReadOnlyList<object?> items)
{
    private bool _spent;

    public IReadOnlyList<object?> Drain()
    {
        if (_spent)
            return [];
        _spent = true;
        return items;
    }
}

/// <summary>A dict: keeps the order of insertion; keys are None, text, numbers and booleans.</summary>
internal sealed class DictValue
{
    private readonly Dictionary<object, int> _places = [];
    private readonly List<KeyValuePair<object?, object?>> _entries = [];

    public IReadOnlyList<KeyValuePair<object?, object?>> Entries => _entries;
    public int Count => _entries.Count;
    public object?[] Keys => [.. _entries.Select(e => e.Key)];
    public object?[] Values => [.. _entries.Select(e => e.Value)];

    public object?[] Items => [.. _entries.Select(e => (object?)SequenceValue.Tuple(e.Key, e.Value))];

    /// <summary>Sets a key while the dict is being built; an existing key keeps its place, as in Python.</summary>
    public void Set(object? key, object? value)
    {
        object place = Place(key);
        if (_places.TryGetValue(place, out int index))
        {
            _entries[index] = new(_entries[index].Key, value);
            return;
        }
        _places[place] = _entries.Count;
        _entries.Add(new(key is SafeText safe ? safe.Text : key, value));
    }

    public bool TryGet(object? key, out object? value)
    {
        bool found = _places.TryGetValue(Place(key), out int index);
        value = found ? _entries[index].Value : null;
        return found;
    }

    // 1, 1.0 and True are one key.
    private static object Place(object? key) => key switch
    {
        null => DBNull.Value,
        string or long or BigInteger => key,
        SafeText safe => safe.Text,
        bool flag => flag ? 1L : 0L,
        double number when double.IsInteger(number) => Number.FromInteger(new BigInteger(number)),
        double => key,
        SequenceValue { Kind: SequenceKind.Tuple } =>
            throw new EvaluationException("a tuple as a key of a dict is not supported"),
        _ => throw new EvaluationException($"unhashable type: '{Python.TypeName(key)}'"),
    };
}

/// <summary>What <c>namespace()</c> returns: the only value whose attributes <c>set</c> may change.</summary>
internal sealed class NamespaceValue
{
    public Dictionary<string, object?> Attributes { get; } = [];
}

/// <summary>Text marked by <c>safe</c> or <c>escape</c>: it behaves as text, except that joining it by + escapes the
/// other side.</summary>
internal sealed class SafeText(string text)
{
    public string Text => text;

    public static string Escape(string text) => text.Replace("&", "&amp;").Replace(">", "&gt;").Replace("<", "&lt;")
        .Replace("'", "&#39;").Replace("\"", "&#34;");
}

/// <summary>A value that can be called.</summary>
internal abstract class Callable
{
    public abstract string Name { get; }

    public abstract object? Call(Interpreter run, CallArguments arguments);
}

/// <summary>A method of a value, as in <c>text.split</c>.</summary>
internal sealed class BoundMethod(Builtin method, object? self) : Callable
{
    public override string Name => method.Name;

    public override object? Call(Interpreter run, CallArguments arguments) => method.Invoke(run, self, arguments);
}

/// <summary>Arguments of a call.</summary>
internal sealed record CallArguments(object?[] Positional, IReadOnlyList<KeyValuePair<string, object?>> Keywords)
{
    public static CallArguments None { get; } = new([], []);
}

/// <summary>Recognises the two kinds of text.</summary>
internal static class Text
{
    public static bool Is(object? value, [NotNullWhen(true)] out string? text)
    {
        text = value as string ?? (value as SafeText)?.Text;
        return text != null;
    }
}
