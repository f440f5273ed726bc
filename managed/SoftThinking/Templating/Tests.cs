namespace SoftThinking.Templating;

/// <summary>The tests that may follow <c>is</c>.</summary>
internal static class Tests
{
    private static readonly Dictionary<string, Builtin> All = Build();

    public static Builtin? Find(string name) => All.GetValueOrDefault(name);

    /// <summary>==, !=, &lt;, &lt;=, &gt;, &gt;=, in, not in.</summary>
    public static bool Compare(string sign, object? left, object? right, Budget budget)
    {
        switch (sign)
        {
            case "==":
                return Equality.AreEqual(left, right, budget);
            case "!=":
                return !Equality.AreEqual(left, right, budget);
            case "in":
                return Equality.Contains(right, left, budget);
            case "not in":
                return !Equality.Contains(right, left, budget);
        }
        int? order = Equality.Compare(left, right, sign, budget);
        return sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    private static Dictionary<string, Builtin> Build()
    {
        List<Builtin> tests =
        [
            Simple("defined", v => v is not Undefined),
            Simple("undefined", v => v is Undefined),
            Simple("none", v => v == null),
            Simple("boolean", v => v is bool),
            Simple("true", v => v is true),
            Simple("false", v => v is false),
            Simple("integer", v => v is long or System.Numerics.BigInteger),
            Simple("float", v => v is double),
            Simple("number", Python.IsNumber),
            Simple("string", v => v is string or SafeText),
            Simple("mapping", v => v is DictValue),
            Simple("sequence", v =>
                v is string or SafeText or DictValue or Undefined or SequenceValue { IsIndexable: true }),
            Simple("iterable", Python.IsIterable),
            Simple("callable", v => v is Callable or Undefined),
            Simple("escaped", v => v is SafeText),
            new("lower", [], 0, (run, v, _) => IsCased(v, run.Budget, upper: false)),
            new("upper", [], 0, (run, v, _) => IsCased(v, run.Budget, upper: true)),
            new("odd", [], 0, (run, v, _) => Remainder(v, 2L, run) == 1),
            new("even", [], 0, (run, v, _) => Remainder(v, 2L, run) == 0),
            new("divisibleby", ["num"], 1, (run, v, a) => Remainder(v, a[0], run) == 0),
            new("sameas", ["other"], 1, (_, v, a) => IsSame(v, a[0])),
            new("filter", [], 0, (_, v, _) => Text.Is(v, out string? name) && Filters.Find(name) != null),
            new("test", [], 0, (_, v, _) => Text.Is(v, out string? name) && Find(name) != null),
        ];
        AddComparison(tests, "==", "eq", "equalto", "==");
        AddComparison(tests, "!=", "ne", "!=");
        AddComparison(tests, "<", "lt", "lessthan", "<");
        AddComparison(tests, "<=", "le", "<=");
        AddComparison(tests, ">", "gt", "greaterthan", ">");
        AddComparison(tests, ">=", "ge", ">=");
        AddComparison(tests, "in", "in");
        return tests.ToDictionary(t => t.Name);
    }

    private static Builtin Simple(string name, Predicate<object?> holds) => new(name, [], 0, (_, v, _) => holds(v));

    private static bool IsCased(object? value, Budget budget, bool upper)
    {
        string text = PythonText.Str(value, budget);
        budget.ChargeText(text.Length);
        return StringMethods.IsCased(text, upper);
    }

    private static void AddComparison(List<Builtin> tests, string sign, params string[] names)
    {
        foreach (string name in names)
            tests.Add(new(name, ["other"], 1, (run, v, a) => Compare(sign, v, a[0], run.Budget)));
    }

    private static double Remainder(object? value, object? divisor, Interpreter run) =>
        Arithmetic.Apply("%", value, divisor, run.Budget) is object rest and (long or double)
            ? Number.ToDouble(rest)
            : throw new EvaluationException("a remainder needs numbers");

    // Python has one object per small value, so equal values of one type are the same.
    private static bool IsSame(object? left, object? right) =>
        left is bool or long or double or string ? left.Equals(right) : ReferenceEquals(left, right);
}
