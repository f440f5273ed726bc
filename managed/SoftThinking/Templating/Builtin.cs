namespace SoftThinking.Templating;

internal delegate object? BuiltinBody(Interpreter run, object? self, Arguments arguments);

/// <summary>A filter, test, method or global function.</summary>
/// <param name="Name">As templates write it.</param>
/// <param name="Parameters">Names of its parameters, in order; null where it accepts any arguments.</param>
/// <param name="Required">How many of them are required.</param>
/// <param name="Body">Called with the value left of <c>|</c>, <c>is</c> or the dot, and the arguments.</param>
internal sealed record Builtin(string Name, string[]? Parameters, int Required, BuiltinBody Body)
{
    /// <exception cref="EvaluationException">The arguments do not fit the parameters, or the body fails.</exception>
    public object? Invoke(Interpreter run, object? self, CallArguments call)
    {
        if (Parameters == null)
            return Body(run, self, new Arguments(Name, call.Positional, call));
        if (call.Positional.Length > Parameters.Length)
            throw new EvaluationException($"{Name}() takes at most {Parameters.Length} arguments");
        object?[] bound = new object?[Parameters.Length];
        Array.Fill(bound, Arguments.Missing);
        call.Positional.CopyTo(bound, 0);
        foreach ((string name, object? value) in call.Keywords)
        {
            int place = Array.IndexOf(Parameters, name);
            if (place < 0)
                throw new EvaluationException($"{Name}() has no parameter '{name}'");
            if (!ReferenceEquals(bound[place], Arguments.Missing))
                throw new EvaluationException($"{Name}() got two values for '{name}'");
            bound[place] = value;
        }
        for (int i = 0; i < Required; i++)
        {
            if (ReferenceEquals(bound[i], Arguments.Missing))
                throw new EvaluationException($"{Name}() needs the argument '{Parameters[i]}'");
        }
        return Body(run, self, new Arguments(Name, bound, call));
    }
}

/// <summary>A global function, as a value.</summary>
internal sealed class GlobalFunction(Builtin function) : Callable
{
    public override string Name => function.Name;

    public override object? Call(Interpreter run, CallArguments arguments) => function.Invoke(run, null, arguments);
}

/// <summary>Arguments in the order of the parameters; absent ones are missing.</summary>
internal readonly struct Arguments(string function, object?[] values, CallArguments call)
{
    public static readonly object Missing = new();

    /// <summary>The call before it was bound; for functions that accept any arguments.</summary>
    public CallArguments Call => call;

    public int Count => values.Length;
    public object? this[int index] => Has(index) ? values[index] : null;

    public bool Has(int index) => index < values.Length && !ReferenceEquals(values[index], Missing);

    /// <summary>Whether an argument is present and not None.</summary>
    public bool HasValue(int index) => Has(index) && values[index] != null;

    public bool Flag(int index, bool otherwise) => Has(index) ? Python.IsTrue(values[index]) : otherwise;

    public string Text(int index, string? otherwise = null)
    {
        if (!Has(index) && otherwise != null)
            return otherwise;
        if (Templating.Text.Is(values[index], out string? text))
            return text;
        throw Wrong(index, "text");
    }

    public long Integer(int index, long otherwise) => !Has(index) ? otherwise : values[index] switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => throw Wrong(index, "an integer"),
    };

    /// <summary>An integer that sizes a text or a list: clamped, since what exceeds the limits is refused
    /// there.</summary>
    public int Size(int index, int otherwise) =>
        (int)Math.Clamp(Integer(index, otherwise), -int.MaxValue, int.MaxValue);

    private EvaluationException Wrong(int index, string wanted) => values[index] is Undefined undefined
        ? undefined.Error()
        : new($"argument {index + 1} of {function}() must be {wanted}, not {Python.TypeName(values[index])}");
}
