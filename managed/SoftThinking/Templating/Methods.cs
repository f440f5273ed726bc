namespace SoftThinking.Templating;

/// <summary>Methods of text, lists, dicts and numbers, found by type and name.</summary>
internal static class Methods
{
    // The environment that templates are written for hides what changes a list or dict.
    private static readonly string[] ListMutating =
        ["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"];

    private static readonly string[] DictMutating = ["clear", "pop", "popitem", "setdefault", "update"];

    private static readonly string[] UnsupportedOfText =
        ["encode", "expandtabs", "format_map", "isidentifier", "isprintable", "istitle", "maketrans", "translate"];

    public static Builtin? Find(object? value, string name) => value switch
    {
        string or SafeText => StringMethods.Find(name),
        DictValue => ContainerMethods.FindOfDict(name),
        SequenceValue { IsIndexable: true } => ContainerMethods.FindOfList(name),
        double when name == "is_integer" => ContainerMethods.IsInteger,
        _ => null,
    };

    /// <summary>Methods that the type has in Python but not here: those that change the value are hidden, so that
    /// calling one fails with the reason; others are reported as not supported.</summary>
    public static bool TryUnavailable(object? value, string name, out object? found)
    {
        string[] hidden = value switch
        {
            SequenceValue { Kind: SequenceKind.List } => ListMutating,
            DictValue => DictMutating,
            _ => [],
        };
        found = null;
        if (hidden.Contains(name))
            found = new Undefined($"access to attribute '{name}' of '{Python.TypeName(value)}' object is unsafe.");
        else if (value is string or SafeText && UnsupportedOfText.Contains(name))
            found = new GlobalFunction(new Builtin(name, null, 0, (_, _, _) =>
                throw new EvaluationException($"the method '{name}' of text is not supported")));
        return found != null;
    }
}

internal static class ContainerMethods
{
    private static readonly Dictionary<string, Builtin> OfDict = new Builtin[]
    {
        new("get", ["key", "default"], 1, Get),
        new("items", [], 0, (run, d, _) => View(((DictValue)d!).Items, SequenceKind.Items, run)),
        new("keys", [], 0, (run, d, _) => View(((DictValue)d!).Keys, SequenceKind.Keys, run)),
        new("values", [], 0, (run, d, _) => View(((DictValue)d!).Values, SequenceKind.Values, run)),
        new("copy", [], 0, (_, d, _) => d),
    }.ToDictionary(m => m.Name);

    private static readonly Dictionary<string, Builtin> OfList = new Builtin[]
    {
        new("count", ["value"], 1, (run, l, a) =>
            Python.Iterate(l, run.Budget).LongCount(i => Equality.AreEqual(i, a[0], run.Budget))),
        new("index", ["value", "start", "stop"], 1, Index),
        new("copy", [], 0, (_, l, _) => l),
    }.ToDictionary(m => m.Name);

    public static Builtin IsInteger { get; } =
        new("is_integer", [], 0, (_, number, _) => double.IsInteger((double)number!));

    public static Builtin? FindOfDict(string name) => OfDict.GetValueOrDefault(name);

    public static Builtin? FindOfList(string name) => OfList.GetValueOrDefault(name);

    private static object? Get(Interpreter run, object? self, Arguments arguments)
    {
        run.Budget.ChargeKey(arguments[0]);
        return ((DictValue)self!).TryGet(arguments[0], out object? value) ? value : arguments[1];
    }

    private static SequenceValue View(object?[] items, SequenceKind kind, Interpreter run)
    {
        run.Budget.ChargeElements(items.Length);
        return new(items, kind);
    }

    private static object? Index(Interpreter run, object? self, Arguments arguments)
    {
        SequenceValue list = (SequenceValue)self!;
        (int start, int stop) = StringMethods.Range(arguments, 1, list.Count);
        for (int i = start; i < stop; i++)
        {
            if (Equality.AreEqual(list.Items[i], arguments[0], run.Budget))
                return (long)i;
        }
        throw new EvaluationException($"{PythonText.Repr(arguments[0], run.Budget)} is not in list");
    }
}
