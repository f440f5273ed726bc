namespace SoftThinking.Templating;

/// <summary>Functions that are available to every template.</summary>
internal static class Globals
{
    /// <summary>The limit of the sandbox that templates are written for.</summary>
    private const int MaxRange = 100_000;

    private static readonly Dictionary<string, GlobalFunction> Functions = new Builtin[]
    {
        new("range", ["start", "stop", "step"], 1, (run, _, a) => Range(a, run.Budget)),
        new("namespace", null, 0, (run, _, a) => MakeNamespace(a.Call, run.Budget)),
        new("dict", null, 0, (run, _, a) => MakeDict(a.Call, run.Budget)),
        new("raise_exception", ["message"], 1, (run, _, a) =>
            throw new EvaluationException(PythonText.Str(a[0], run.Budget))),
        new("strftime_now", ["format"], 1, (run, _, a) => Strftime.Format(run.Clock.GetLocalNow(), a.Text(0))),
        Unsupported("lipsum"),
        Unsupported("cycler"),
        Unsupported("joiner"),
    }.ToDictionary(f => f.Name, f => new GlobalFunction(f));

    public static GlobalFunction? Find(string name) => Functions.GetValueOrDefault(name);

    private static Builtin Unsupported(string name) => new(name, null, 0, (_, _, _) =>
        throw new EvaluationException($"the function '{name}' is not supported"));

    private static SequenceValue Range(Arguments arguments, Budget budget)
    {
        long start = arguments.Has(1) ? arguments.Integer(0, 0) : 0;
        long stop = arguments.Has(1) ? arguments.Integer(1, 0) : arguments.Integer(0, 0);
        long step = arguments.Integer(2, 1);
        if (step == 0)
            throw new EvaluationException("range() arg 3 must not be zero");

        // In 128 bits, where no difference of two longs overflows.
        Int128 distance = step > 0 ? (Int128)stop - start : (Int128)start - stop;
        Int128 stride = Int128.Abs(step);
        Int128 count = distance <= 0 ? 0 : (distance + stride - 1) / stride;
        if (count > MaxRange)
            throw new EvaluationException($"range() of more than {MaxRange} numbers");
        budget.ChargeElements((long)count);
        object?[] items = new object?[(int)count];
        for (int i = 0; i < items.Length; i++)
            items[i] = start + i * step;
        return new(items, SequenceKind.Range);
    }

    private static NamespaceValue MakeNamespace(CallArguments call, Budget budget)
    {
        NamespaceValue space = new();
        foreach ((object? key, object? value) in MakeDict(call, budget).Entries)
        {
            if (key is not string name)
                throw new EvaluationException("the keys of a namespace must be strings");
            space.Attributes[name] = value;
        }
        return space;
    }

    private static DictValue MakeDict(CallArguments call, Budget budget)
    {
        if (call.Positional.Length > 1)
            throw new EvaluationException("dict() takes at most one positional argument");
        DictValue dict = new();
        foreach (object? source in call.Positional)
        {
            if (source is DictValue other)
            {
                budget.ChargeElements(other.Count);
                foreach ((object? key, object? value) in other.Entries)
                {
                    budget.ChargeKey(key);
                    dict.Set(key, value);
                }
                continue;
            }
            foreach (object? pair in Python.Iterate(source, budget))
            {
                IReadOnlyList<object?> parts = Python.Iterate(pair, budget);
                if (parts.Count != 2)
                    throw new EvaluationException("dict() needs pairs of key and value");
                budget.ChargeKey(parts[0]);
                dict.Set(parts[0], parts[1]);
            }
        }
        foreach ((string name, object? value) in call.Keywords)
            dict.Set(name, value);
        return dict;
    }

    public static DictValue ToDict(IEnumerable<KeyValuePair<string, object?>> entries)
    {
        DictValue dict = new();
        foreach ((string key, object? value) in entries)
            dict.Set(key, value);
        return dict;
    }
}
