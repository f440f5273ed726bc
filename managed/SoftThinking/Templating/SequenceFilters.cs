using System.Globalization;

namespace SoftThinking.Templating;

/// <summary>Filters over lists and dicts.</summary>
internal static class SequenceFilters
{
    // Longer names of attributes serve no purpose.
    private const int MaxPath = 1000;

    public static IEnumerable<Builtin> All { get; } =
    [
        new("length", [], 0, Length),
        new("count", [], 0, Length),
        new("list", [], 0, (run, v, _) => new SequenceValue(Python.Iterate(v, run.Budget))),
        new("items", [], 0, (run, v, _) => Items(v, run.Budget)),
        new("first", [], 0, (run, v, _) => First(Python.Iterate(v, run.Budget))),
        new("last", [], 0, (run, v, _) => Last(v, run.Budget)),
        new("join", ["d", "attribute"], 0, Join),
        new("reverse", [], 0, Reverse),
        new("map", null, 0, Map),
        new("select", null, 0, (run, v, a) => Select(run, v, a.Call, byAttribute: false, keeps: true)),
        new("reject", null, 0, (run, v, a) => Select(run, v, a.Call, byAttribute: false, keeps: false)),
        new("selectattr", null, 0, (run, v, a) => Select(run, v, a.Call, byAttribute: true, keeps: true)),
        new("rejectattr", null, 0, (run, v, a) => Select(run, v, a.Call, byAttribute: true, keeps: false)),
        new("sort", ["reverse", "case_sensitive", "attribute"], 0, Sort),
        new("dictsort", ["case_sensitive", "by", "reverse"], 0, SortDict),
        new("unique", ["case_sensitive", "attribute"], 0, Unique),
        new("groupby", ["attribute", "default", "case_sensitive"], 1, GroupBy),
        new("min", ["case_sensitive", "attribute"], 0, (run, v, a) => Extreme(run, v, a, wantsLess: true)),
        new("max", ["case_sensitive", "attribute"], 0, (run, v, a) => Extreme(run, v, a, wantsLess: false)),
        new("sum", ["attribute", "start"], 0, Sum),
        new("batch", ["linecount", "fill_with"], 1, Batch),
        new("slice", ["slices", "fill_with"], 1, SliceEvenly),
    ];

    private static object? Length(Interpreter run, object? value, Arguments arguments)
    {
        run.Budget.ChargeKey(value);
        return Python.Length(value);
    }

    private static GeneratorValue Items(object? value, Budget budget)
    {
        if (value is Undefined)
            return new([]);
        if (value is not DictValue dict)
            throw new EvaluationException("Can only get item pairs from a mapping.");
        budget.ChargeElements(dict.Count);
        return new(dict.Items);
    }

    private static object? First(IReadOnlyList<object?> items) =>
        items.Count > 0 ? items[0] : new Undefined("No first item, sequence was empty.");

    private static object? Last(object? value, Budget budget)
    {
        if (value is GeneratorValue)
            throw new EvaluationException("'generator' object is not reversible");
        IReadOnlyList<object?> items = Python.Iterate(value, budget);
        return items.Count > 0 ? items[^1] : new Undefined("No last item, sequence was empty.");
    }

    private static object? Join(Interpreter run, object? value, Arguments arguments)
    {
        string separator = arguments.Has(0) ? PythonText.Str(arguments[0], run.Budget) : "";
        Func<object?, object?> pick = Getter(arguments[1], run.Budget);
        BoundedText text = new(run.Budget);
        bool isFirst = true;
        foreach (object? item in Python.Iterate(value, run.Budget))
        {
            if (!isFirst)
                text.Append(separator);
            isFirst = false;
            text.Append(PythonText.Str(pick(item), run.Budget));
        }
        return text.ToString();
    }

    private static object? Reverse(Interpreter run, object? value, Arguments arguments)
    {
        object?[] items = [.. Python.Iterate(value, run.Budget).Reverse()];
        return value is string or SafeText ? string.Concat(items.Cast<string>()) : new GeneratorValue(items);
    }

    // map, select and their like treat None, 0 and so on as nothing; templates pass them tool_calls that are None.
    private static object? Map(Interpreter run, object? value, Arguments arguments)
    {
        CallArguments call = arguments.Call;
        if (!Python.IsTrue(value))
            return new GeneratorValue([]);
        IReadOnlyList<object?> items = Python.Iterate(value, run.Budget);
        Dictionary<string, object?> keywords = new(call.Keywords);
        if (call.Positional.Length == 0 && keywords.Remove("attribute", out object? attribute))
        {
            bool hasDefault = keywords.Remove("default", out object? otherwise);
            if (keywords.Count > 0)
                throw new EvaluationException($"map() has no parameter '{keywords.First().Key}'");
            Func<object?, object?> pick = Getter(attribute, run.Budget);
            return new GeneratorValue([.. items.Select(i => pick(i) is var found && hasDefault && found is Undefined
                ? otherwise : found)]);
        }
        if (call.Positional.Length == 0 || !Text.Is(call.Positional[0], out string? name))
            throw new EvaluationException("map requires a filter argument");
        Builtin filter = Filters.Find(name) ?? throw new EvaluationException($"the filter '{name}' is not supported");
        CallArguments rest = call with { Positional = call.Positional[1..] };
        return new GeneratorValue([.. items.Select(i => filter.Invoke(run, i, rest))]);
    }

    private static GeneratorValue Select(
        Interpreter run, object? value, CallArguments call, bool byAttribute, bool keeps)
    {
        if (!Python.IsTrue(value))
            return new([]);
        object?[] given = call.Positional;
        if (byAttribute && given.Length == 0)
            throw new EvaluationException("Missing parameter for attribute name");
        Func<object?, object?> pick = byAttribute ? Getter(given[0], run.Budget) : item => item;
        given = byAttribute ? given[1..] : given;
        Func<object?, bool> holds = Python.IsTrue;
        if (given.Length > 0)
        {
            string? name = Text.Is(given[0], out string? text) ? text : "";
            Builtin test = Tests.Find(name) ?? throw new EvaluationException($"the test '{name}' is not supported");
            CallArguments rest = call with { Positional = given[1..] };
            holds = item => Python.IsTrue(test.Invoke(run, item, rest));
        }
        return new([.. Python.Iterate(value, run.Budget).Where(item => holds(pick(item)) == keeps)]);
    }

    /// <summary>Reads an attribute named by "a.b", where parts that are numbers index; the item itself for
    /// None.</summary>
    private static Func<object?, object?> Getter(object? attribute, Budget budget, object? otherwise = null)
    {
        if (attribute == null)
            return item => item;
        if (Text.Is(attribute, out string? path) && path.Length > MaxPath)
            throw new EvaluationException($"an attribute of more than {MaxPath} characters");
        object[] parts = path == null
            ? [attribute]
            : [.. path.Split('.').Select(p => long.TryParse(
                p, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? (object)index : p)];
        return item =>
        {
            foreach (object part in parts)
            {
                item = Lookup.Element(item, part, budget);
                if (item is Undefined && otherwise != null)
                    item = otherwise;
            }
            return item;
        };
    }

    /// <summary>The key to sort or compare by: in lower case, except where the filter is case-sensitive.</summary>
    private static Func<object?, object?> Key(Arguments arguments, int caseSensitive, Func<object?, object?> pick)
    {
        if (arguments.Flag(caseSensitive, false))
            return pick;
        return item => pick(item) is var value && Text.Is(value, out string? text) ? Casing.Lower(text) : value;
    }

    private static object? Sort(Interpreter run, object? value, Arguments arguments)
    {
        List<Func<object?, object?>> picks = arguments.HasValue(2) && Text.Is(arguments[2], out string? names)
            && names.Length <= MaxPath
            ? [.. names.Split(',').Select(n => Getter(n, run.Budget))]
            : [Getter(arguments[2], run.Budget)];
        var keys = picks.Select(p => Key(arguments, 1, p)).ToList();
        Func<object?, object?> key = keys.Count == 1
            ? keys[0]
            : item => SequenceValue.Tuple([.. keys.Select(k => k(item))]);
        return new SequenceValue(
            ValueOrder.Sort(Python.Iterate(value, run.Budget), key, arguments.Flag(0, false), run.Budget));
    }

    private static object? SortDict(Interpreter run, object? value, Arguments arguments)
    {
        if (value is not DictValue dict)
            throw new EvaluationException("dictsort needs a dict");
        string by = arguments.Text(1, "key");
        if (by is not ("key" or "value"))
            throw new EvaluationException("You can only sort by either \"key\" or \"value\"");
        int part = by == "key" ? 0 : 1;
        Func<object?, object?> key = Key(arguments, 0, item => ((SequenceValue)item!).Items[part]);
        run.Budget.ChargeElements(dict.Count);
        return new SequenceValue(ValueOrder.Sort(dict.Items, key, arguments.Flag(2, false), run.Budget));
    }

    private static object? Unique(Interpreter run, object? value, Arguments arguments)
    {
        Func<object?, object?> key = Key(arguments, 0, Getter(arguments[1], run.Budget));
        DictValue seen = new();
        foreach (object? item in Python.Iterate(value, run.Budget))
        {
            object? found = key(item);
            run.Budget.ChargeKey(found);
            if (!seen.TryGet(found, out _))
                seen.Set(found, item);
        }
        return new GeneratorValue(seen.Values);
    }

    private static object? GroupBy(Interpreter run, object? value, Arguments arguments)
    {
        Func<object?, object?> pick = Getter(arguments[0], run.Budget, arguments[1]);
        Func<object?, object?> key = Key(arguments, 2, pick);
        List<object?> groups = [];
        List<object?> current = [];
        object?[] items = ValueOrder.Sort(Python.Iterate(value, run.Budget), key, reverse: false, run.Budget);
        for (int i = 0; i < items.Length; i++)
        {
            current.Add(items[i]);
            if (i + 1 < items.Length && Equality.AreEqual(key(items[i]), key(items[i + 1]), run.Budget))
                continue;
            object?[] group = [pick(current[0]), new SequenceValue(current)];
            groups.Add(new SequenceValue(group, SequenceKind.Tuple) { IsGroup = true });
            current = [];
        }
        return new SequenceValue(groups);
    }

    private static object? Extreme(Interpreter run, object? value, Arguments arguments, bool wantsLess)
    {
        IReadOnlyList<object?> items = Python.Iterate(value, run.Budget);
        if (items.Count == 0)
            return new Undefined("No aggregated item, sequence was empty.");
        Func<object?, object?> key = Key(arguments, 0, Getter(arguments[1], run.Budget));
        object? best = items[0];
        foreach (object? item in items.Skip(1))
        {
            int? order = Equality.Compare(key(item), key(best), wantsLess ? "<" : ">", run.Budget);
            if (wantsLess ? order < 0 : order > 0)
                best = item;
        }
        return best;
    }

    private static object? Sum(Interpreter run, object? value, Arguments arguments)
    {
        Func<object?, object?> pick = Getter(arguments[0], run.Budget);
        object? sum = arguments.Has(1) ? arguments[1] : 0L;
        foreach (object? item in Python.Iterate(value, run.Budget))
            sum = Arithmetic.Apply("+", sum, pick(item), run.Budget);
        return sum;
    }

    private static object? Batch(Interpreter run, object? value, Arguments arguments)
    {
        int size = arguments.Size(0, 1);
        if (size < 1)
            throw new EvaluationException("batch needs a positive size");
        List<object?[]> batches = [.. Python.Iterate(value, run.Budget).Chunk(size)];
        if (arguments.HasValue(1) && batches.Count > 0)
        {
            int missing = size - batches[^1].Length;
            run.Budget.ChargeElements(missing);
            batches[^1] = [.. batches[^1], .. Enumerable.Repeat(arguments[1], missing)];
        }
        return new GeneratorValue([.. batches.Select(b => new SequenceValue(b))]);
    }

    private static object? SliceEvenly(Interpreter run, object? value, Arguments arguments)
    {
        int slices = arguments.Size(0, 1);
        if (slices < 1)
            throw new EvaluationException("slice needs a positive number of slices");
        run.Budget.ChargeElements(slices);
        IReadOnlyList<object?> items = Python.Iterate(value, run.Budget);
        List<object?> result = [];
        int start = 0;
        for (int i = 0; i < slices; i++)
        {
            int size = items.Count / slices + (i < items.Count % slices ? 1 : 0);
            List<object?> slice = [.. items.Skip(start).Take(size)];
            if (arguments.HasValue(1) && i >= items.Count % slices)
                slice.Add(arguments[1]);
            result.Add(new SequenceValue(slice));
            start += size;
        }
        return new GeneratorValue(result);
    }
}
