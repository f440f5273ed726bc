namespace SoftThinking.Templating;

// The syntax tree. Every node knows its line, for errors.

internal abstract record Expression(int Line);

internal sealed record Literal(int Line, object? Value) : Expression(Line);

internal sealed record Name(int Line, string Identifier) : Expression(Line);

internal sealed record ListLiteral(int Line, Expression[] Items, SequenceKind Kind) : Expression(Line);

internal sealed record DictLiteral(int Line, (Expression Key, Expression Value)[] Entries) : Expression(Line);

internal sealed record Attribute(int Line, Expression Target, string Identifier) : Expression(Line);

internal sealed record Element(int Line, Expression Target, Expression Index) : Expression(Line);

internal sealed record Slice(int Line, Expression Target, Expression? Start, Expression? Stop, Expression? Step)
    : Expression(Line);

internal sealed record Call(int Line, Expression Target, ArgumentList Arguments) : Expression(Line);

/// <summary>A filter; the target is null inside <c>{% filter %}</c> and <c>{% set x | filter %}</c>, where the text
/// of the block replaces it.</summary>
internal sealed record FilterCall(int Line, Expression? Target, Builtin Filter, ArgumentList Arguments)
    : Expression(Line);

internal sealed record TestCall(int Line, Expression Target, Builtin Test, ArgumentList Arguments) : Expression(Line);

internal sealed record Unary(int Line, string Operator, Expression Operand) : Expression(Line);

internal sealed record Binary(int Line, Expression Left, string Operator, Expression Right) : Expression(Line);

/// <summary>All parts of <c>a ~ b ~ c</c>.</summary>
internal sealed record Concatenation(int Line, Expression[] Parts) : Expression(Line);

/// <summary>A chained comparison: <c>a &lt; b in c</c> is <c>a &lt; b and b in c</c>.</summary>
internal sealed record Comparison(int Line, Expression First, (string Operator, Expression Right)[] Rest)
    : Expression(Line);

internal sealed record Conditional(int Line, Expression Test, Expression Then, Expression? Otherwise)
    : Expression(Line);

internal sealed record ArgumentList(
    Expression[] Positional, (string Name, Expression Value)[] Keywords, Expression? ExtraPositional,
    Expression? ExtraKeywords)
{
    public static ArgumentList Empty { get; } = new([], [], null, null);
}

/// <summary>What can be assigned to.</summary>
internal abstract record Target(int Line);

internal sealed record NameTarget(int Line, string Identifier) : Target(Line);

internal sealed record NamespaceTarget(int Line, string Namespace, string Identifier) : Target(Line);

internal sealed record TupleTarget(int Line, Target[] Parts) : Target(Line);

internal abstract record Statement(int Line);

internal sealed record TextStatement(int Line, string Text) : Statement(Line);

internal sealed record PrintStatement(int Line, Expression Value) : Statement(Line);

internal sealed record IfStatement(int Line, (Expression Test, Statement[] Body)[] Branches, Statement[] Otherwise)
    : Statement(Line);

internal sealed record ForStatement(
    int Line, Target Target, Expression Sequence, Expression? Condition, Statement[] Body, Statement[] Otherwise)
    : Statement(Line);

internal sealed record SetStatement(int Line, Target Target, Expression Value) : Statement(Line);

/// <summary>Filters apply in order to the text of the body.</summary>
internal sealed record SetBlockStatement(int Line, Target Target, FilterCall[] Filters, Statement[] Body)
    : Statement(Line);

internal sealed record FilterStatement(int Line, FilterCall[] Filters, Statement[] Body) : Statement(Line);

internal sealed record WithStatement(int Line, (Target Target, Expression Value)[] Assignments, Statement[] Body)
    : Statement(Line);

internal sealed record MacroStatement(int Line, string Identifier, MacroDefinition Definition) : Statement(Line);

/// <summary>The body becomes the function <c>caller</c> of the macro that is called.</summary>
internal sealed record CallStatement(int Line, Call Call, MacroDefinition Definition) : Statement(Line);

/// <summary>Marks what a model generates, for training; it prints its body.</summary>
internal sealed record GenerationStatement(int Line, Statement[] Body) : Statement(Line);

internal sealed record BreakStatement(int Line) : Statement(Line);

internal sealed record ContinueStatement(int Line) : Statement(Line);

/// <param name="Name">For errors.</param>
/// <param name="Parameters">With their defaults; null where a missing argument is undefined.</param>
/// <param name="TakesCaller">The body names <c>caller</c>; a call block may call only such macros.</param>
/// <param name="TakesMorePositional">The body names <c>varargs</c>.</param>
/// <param name="TakesMoreKeywords">The body names <c>kwargs</c>.</param>
/// <param name="Body">What it prints.</param>
internal sealed record MacroDefinition(
    string Name, (string Name, Expression? Default)[] Parameters, bool TakesCaller, bool TakesMorePositional,
    bool TakesMoreKeywords, Statement[] Body);
