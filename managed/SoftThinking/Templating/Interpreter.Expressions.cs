namespace SoftThinking.Templating;

internal sealed partial class Interpreter
{
    private object? Evaluate(Expression expression)
    {
        Budget.Charge(1);
        _line = expression.Line;
        return expression switch
        {
            Literal literal => literal.Value,
            Name name => EvaluateName(name.Identifier),
            ListLiteral list => new SequenceValue(EvaluateAll(list.Items), list.Kind),
            DictLiteral dict => EvaluateDict(dict),
            Attribute attribute => Lookup.Attribute(EvaluateAt(attribute.Target, attribute.Line), attribute.Identifier),
            Element element => EvaluateElement(element),
            Slice slice => EvaluateSlice(slice),
            Call call => Invoke(Evaluate(call.Target), EvaluateArguments(call.Arguments), call.Line),
            FilterCall filter => EvaluateBuiltin(filter.Filter, filter.Target!, filter.Arguments, filter.Line),
            TestCall test => EvaluateBuiltin(test.Test, test.Target, test.Arguments, test.Line),
            Unary unary => EvaluateUnary(unary),
            Binary binary => EvaluateBinary(binary),
            Concatenation parts => EvaluateConcatenation(parts),
            Comparison comparison => EvaluateComparison(comparison),
            Conditional choice => EvaluateConditional(choice),
            _ => throw new InvalidOperationException($"no rule for {expression.GetType().Name}"),
        };
    }

    /// <summary>Evaluates a part; an error after it belongs to the whole expression, which begins on that
    /// line.</summary>
    private object? EvaluateAt(Expression part, int line)
    {
        object? value = Evaluate(part);
        _line = line;
        return value;
    }

    private object? EvaluateOrNone(Expression? expression) => expression == null ? null : Evaluate(expression);

    private object?[] EvaluateAll(Expression[] expressions)
    {
        object?[] values = new object?[expressions.Length];
        for (int i = 0; i < values.Length; i++)
            values[i] = Evaluate(expressions[i]);
        return values;
    }

    private object? EvaluateName(string name)
    {
        if (_scope.TryGet(name, out object? value))
            return value;
        return Globals.Find(name) ?? (object)new Undefined($"'{name}' is undefined");
    }

    private DictValue EvaluateDict(DictLiteral literal)
    {
        DictValue dict = new();
        foreach ((Expression key, Expression value) in literal.Entries)
        {
            object? name = Evaluate(key);
            Budget.ChargeKey(name);
            dict.Set(name, Evaluate(value));
        }
        return dict;
    }

    private object? EvaluateElement(Element element)
    {
        object? target = Evaluate(element.Target);
        object? index = EvaluateAt(element.Index, element.Line);
        return Lookup.Element(target, index, Budget);
    }

    private object? EvaluateSlice(Slice slice)
    {
        object? target = Evaluate(slice.Target);
        object? start = EvaluateOrNone(slice.Start);
        object? stop = EvaluateOrNone(slice.Stop);
        return Lookup.Slice(target, start, stop, EvaluateOrNone(slice.Step), Budget);
    }

    private CallArguments EvaluateArguments(ArgumentList list)
    {
        if (ReferenceEquals(list, ArgumentList.Empty))
            return CallArguments.None;
        object?[] positional = EvaluateAll(list.Positional);
        if (list.ExtraPositional != null)
            positional = [.. positional, .. Python.Iterate(Evaluate(list.ExtraPositional), Budget)];
        List<KeyValuePair<string, object?>> keywords = [];
        foreach ((string name, Expression value) in list.Keywords)
            keywords.Add(new(name, Evaluate(value)));
        if (list.ExtraKeywords != null)
        {
            if (Evaluate(list.ExtraKeywords) is not DictValue extra)
                throw new EvaluationException("what follows ** in a call must be a dict");
            foreach ((object? name, object? value) in extra.Entries)
                keywords.Add(new(name as string ?? throw new EvaluationException("keywords must be strings"), value));
        }
        if (keywords.DistinctBy(k => k.Key).Count() != keywords.Count)
            throw new EvaluationException("a call has the same keyword twice");
        return new(positional, keywords);
    }

    private object? EvaluateBuiltin(Builtin function, Expression target, ArgumentList arguments, int line)
    {
        object? value = Evaluate(target);
        CallArguments given = EvaluateArguments(arguments);
        _line = line;
        return function.Invoke(this, value, given);
    }

    private object? Invoke(object? callee, CallArguments arguments, int line)
    {
        _line = line;
        object? result = callee switch
        {
            Callable callable => callable.Call(this, arguments),
            Undefined undefined => throw undefined.Error(),
            LoopValue => throw new EvaluationException("recursive loops are not supported"),
            _ => throw new EvaluationException($"'{Python.TypeName(callee)}' object is not callable"),
        };
        _line = line;
        return result;
    }

    private object? EvaluateUnary(Unary unary)
    {
        object? value = EvaluateAt(unary.Operand, unary.Line);
        return unary.Operator switch
        {
            "not" => !Python.IsTrue(value),
            "-" => Arithmetic.Negate(value),
            _ => Arithmetic.Plus(value),
        };
    }

    private object? EvaluateBinary(Binary binary)
    {
        object? left = Evaluate(binary.Left);
        if (binary.Operator is "and" or "or")
            return Python.IsTrue(left) == (binary.Operator == "or") ? left : Evaluate(binary.Right);
        object? right = EvaluateAt(binary.Right, binary.Line);
        return Arithmetic.Apply(binary.Operator, left, right, Budget);
    }

    private string EvaluateConcatenation(Concatenation concatenation)
    {
        BoundedText text = new(Budget);
        foreach (Expression part in concatenation.Parts)
            text.Append(PythonText.Str(Evaluate(part), Budget));
        return text.ToString();
    }

    private object? EvaluateComparison(Comparison comparison)
    {
        object? left = Evaluate(comparison.First);
        foreach ((string sign, Expression next) in comparison.Rest)
        {
            object? right = EvaluateAt(next, comparison.Line);
            if (!Tests.Compare(sign, left, right, Budget))
                return false;
            left = right;
        }
        return true;
    }

    private object? EvaluateConditional(Conditional choice)
    {
        if (Python.IsTrue(Evaluate(choice.Test)))
            return Evaluate(choice.Then);
        return choice.Otherwise != null
            ? Evaluate(choice.Otherwise)
            : new Undefined($"the inline if-expression on line {choice.Line} evaluated to false and no else section was"
                + " defined.");
    }
}
