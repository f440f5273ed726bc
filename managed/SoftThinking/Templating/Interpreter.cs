namespace SoftThinking.Templating;

/// <summary>Names visible at one place; a name not found here is looked for outside.</summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, object?> _names = [];

    public void Set(string name, object? value) => _names[name] = value;

    public bool TryGet(string name, out object? value)
    {
        for (Scope? scope = this; scope != null; scope = scope.Outer)
        {
            if (scope._names.TryGetValue(name, out value))
                return true;
        }
        value = null;
        return false;
    }

    private Scope? Outer => parent;
}

/// <summary>One rendering of a template. The other half of the class evaluates expressions.</summary>
internal sealed partial class Interpreter
{
    private enum Flow { Next, Break, Continue }

    /// <summary>Depth of macros calling macros.</summary>
    private const int MaxMacroDepth = 100;

    private Scope _scope;
    private BoundedText _output;
    private int _macroDepth;

    // Line of what is being evaluated, for errors.
    private int _line;

    private Interpreter(IEnumerable<KeyValuePair<string, object?>> variables, TimeProvider clock)
    {
        Clock = clock;
        _output = new(Budget);
        _scope = new(null);
        foreach ((string name, object? value) in variables)
            _scope.Set(name, value);
    }

    public Budget Budget { get; } = new();

    public TimeProvider Clock { get; }

    /// <exception cref="TemplateException">The template fails or exceeds a limit.</exception>
    public static string Render(
        Statement[] body, string name, IEnumerable<KeyValuePair<string, object?>> variables, TimeProvider clock)
    {
        Interpreter run = new(variables, clock);
        try
        {
            run.RunBody(body);
            return run._output.ToString();
        }
        catch (EvaluationException error)
        {
            throw new TemplateException(name, run._line, error.Message, error);
        }
    }

    private Flow RunBody(Statement[] body)
    {
        foreach (Statement statement in body)
        {
            _line = statement.Line;
            Budget.Charge(1);
            Flow flow = Run(statement);
            if (flow != Flow.Next)
                return flow;
        }
        return Flow.Next;
    }

    private Flow Run(Statement statement)
    {
        switch (statement)
        {
            case TextStatement text:
                _output.Append(text.Text);
                break;
            case PrintStatement print:
                _output.Append(PythonText.Str(Evaluate(print.Value), Budget));
                break;
            case IfStatement choice:
                return RunIf(choice);
            case ForStatement loop:
                return RunFor(loop);
            case SetStatement set:
                Assign(set.Target, Evaluate(set.Value));
                break;
            case SetBlockStatement set:
                return Capture(set.Body, set.Filters, result => Assign(set.Target, result));
            case FilterStatement filter:
                return Capture(filter.Body, filter.Filters, result => _output.Append(PythonText.Str(result, Budget)));
            case WithStatement with:
                return RunWith(with);
            case MacroStatement macro:
                _scope.Set(macro.Identifier, new Macro(macro.Definition, _scope));
                break;
            case CallStatement call:
                RunCall(call);
                break;
            case GenerationStatement generation:
                return InScope(new Scope(_scope), generation.Body);
            case BreakStatement:
                return Flow.Break;
            case ContinueStatement:
                return Flow.Continue;
            default:
                throw new InvalidOperationException($"no rule for {statement.GetType().Name}");
        }
        return Flow.Next;
    }

    private Flow RunIf(IfStatement choice)
    {
        foreach ((Expression test, Statement[] body) in choice.Branches)
        {
            if (Python.IsTrue(Evaluate(test)))
                return RunBody(body);
        }
        return RunBody(choice.Otherwise);
    }

    private Flow RunFor(ForStatement statement)
    {
        object? sequence = Evaluate(statement.Sequence);
        _line = statement.Line;
        IReadOnlyList<object?> items = Python.Iterate(sequence, Budget);
        LoopValue loop = new(Select(statement, items), Budget, statement.Condition == null ? items.Count : null);
        bool completed = false;
        while (loop.MoveNext())
        {
            Budget.Charge(1);
            Scope outer = _scope;
            _scope = new(outer);
            _scope.Set("loop", loop);
            try
            {
                Assign(statement.Target, loop.Current);
                Flow flow = RunBody(statement.Body);
                if (flow == Flow.Break)
                    break;
                completed |= flow == Flow.Next;
            }
            finally
            {
                _scope = outer;
            }
        }

        // As in Jinja: the else part also runs after a loop in which break or continue ended every iteration early.
        return completed ? Flow.Next : InScope(new Scope(_scope), statement.Otherwise);
    }

    /// <summary>The items that pass the condition, which is evaluated for each item when the loop reaches it, because
    /// the body may change what the condition reads.</summary>
    private IEnumerable<object?> Select(ForStatement statement, IReadOnlyList<object?> items)
    {
        if (statement.Condition == null)
            return items;
        Scope outer = _scope;
        return items.Where(item =>
        {
            Scope current = _scope;
            _scope = new(outer);
            try
            {
                Assign(statement.Target, item);
                return Python.IsTrue(Evaluate(statement.Condition));
            }
            finally
            {
                _scope = current;
            }
        });
    }

    private Flow RunWith(WithStatement statement)
    {
        object?[] values = [.. statement.Assignments.Select(a => Evaluate(a.Value))];
        Scope inner = new(_scope);
        Scope outer = _scope;
        _scope = inner;
        for (int i = 0; i < values.Length; i++)
            Assign(statement.Assignments[i].Target, values[i]);
        _scope = outer;
        return InScope(inner, statement.Body);
    }

    private void RunCall(CallStatement statement)
    {
        object? callee = Evaluate(statement.Call.Target);
        CallArguments given = EvaluateArguments(statement.Call.Arguments);
        Macro caller = new(statement.Definition, _scope);
        KeyValuePair<string, object?>[] keywords = [.. given.Keywords, new("caller", caller)];
        object? result = Invoke(callee, given with { Keywords = keywords }, statement.Line);
        _output.Append(PythonText.Str(result, Budget));
    }

    private Flow InScope(Scope scope, Statement[] body)
    {
        Scope outer = _scope;
        _scope = scope;
        try
        {
            return RunBody(body);
        }
        finally
        {
            _scope = outer;
        }
    }

    /// <summary>Filters the text of a body and passes it on. A break or continue in the body drops the text.</summary>
    private Flow Capture(Statement[] body, FilterCall[] filters, Action<object?> use)
    {
        BoundedText outer = _output;
        BoundedText captured = new(Budget);
        _output = captured;
        Flow flow;
        try
        {
            flow = InScope(new Scope(_scope), body);
        }
        finally
        {
            _output = outer;
        }
        if (flow == Flow.Next)
            use(Filter(filters, captured.ToString()));
        return flow;
    }

    private object? Filter(FilterCall[] filters, object? value)
    {
        foreach (FilterCall filter in filters)
            value = filter.Filter.Invoke(this, value, EvaluateArguments(filter.Arguments));
        return value;
    }

    private void Assign(Target target, object? value)
    {
        switch (target)
        {
            case NameTarget name:
                _scope.Set(name.Identifier, value);
                break;
            case NamespaceTarget part:
                if (!_scope.TryGet(part.Namespace, out object? space) || space is not NamespaceValue changed)
                    throw new EvaluationException($"cannot set an attribute of '{part.Namespace}': it is no namespace");
                changed.Attributes[part.Identifier] = value;
                break;
            case TupleTarget tuple:
                Unpack(tuple, value);
                break;
        }
    }

    private void Unpack(TupleTarget target, object? value)
    {
        IReadOnlyList<object?> parts = Python.Iterate(value, Budget);
        int wanted = target.Parts.Length;
        if (parts.Count != wanted)
        {
            throw new EvaluationException(parts.Count < wanted
                ? $"not enough values to unpack (expected {wanted}, got {parts.Count})"
                : $"too many values to unpack (expected {wanted}, got {parts.Count})");
        }
        for (int i = 0; i < wanted; i++)
            Assign(target.Parts[i], parts[i]);
    }

    /// <summary>Calls a macro: its body runs in a scope of its own inside the one where the macro was
    /// defined.</summary>
    public string CallMacro(MacroDefinition macro, Scope definedIn, CallArguments arguments)
    {
        if (++_macroDepth > MaxMacroDepth)
            throw new EvaluationException($"macros call each other more than {MaxMacroDepth} deep");
        Scope outer = _scope;
        BoundedText output = _output;
        (_scope, _output) = (new(definedIn), new(Budget));
        try
        {
            BindParameters(macro, arguments);
            RunBody(macro.Body);
            return _output.ToString();
        }
        finally
        {
            (_scope, _output) = (outer, output);
            _macroDepth--;
        }
    }

    private void BindParameters(MacroDefinition macro, CallArguments arguments)
    {
        Dictionary<string, object?> keywords = new(arguments.Keywords);
        int positional = arguments.Positional.Length;
        for (int i = 0; i < macro.Parameters.Length; i++)
        {
            (string name, Expression? otherwise) = macro.Parameters[i];
            object? value;
            if (i < positional)
                value = arguments.Positional[i];
            else if (!keywords.Remove(name, out value))
                value = otherwise != null ? Evaluate(otherwise) : new Undefined($"parameter '{name}' was not provided");
            _scope.Set(name, value);
        }
        if (macro.TakesCaller && !macro.Parameters.Any(p => p.Name == "caller"))
        {
            bool hasCaller = keywords.Remove("caller", out object? caller);
            _scope.Set("caller", hasCaller ? caller : new Undefined("No caller defined"));
        }
        if (macro.TakesMorePositional)
            _scope.Set("varargs", SequenceValue.Tuple([.. arguments.Positional.Skip(macro.Parameters.Length)]));
        else if (positional > macro.Parameters.Length)
            throw new EvaluationException(
                $"macro '{macro.Name}' takes not more than {macro.Parameters.Length} argument(s)");
        if (macro.TakesMoreKeywords)
            _scope.Set("kwargs", Globals.ToDict(keywords));
        else if (keywords.Count > 0)
            throw new EvaluationException($"macro '{macro.Name}' takes no keyword argument '{keywords.First().Key}'");
    }
}

/// <summary>A macro as a value, or the body of a call block.</summary>
internal sealed class Macro(MacroDefinition definition, Scope definedIn) : Callable
{
    public override string Name => definition.Name;

    public SequenceValue ParameterNames => SequenceValue.Tuple([.. definition.Parameters.Select(p => (object?)p.Name)]);

    public override object? Call(Interpreter run, CallArguments arguments) =>
        run.CallMacro(definition, definedIn, arguments);
}
