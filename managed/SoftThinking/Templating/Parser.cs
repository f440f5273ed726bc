namespace SoftThinking.Templating;

/// <summary>Turns tokens into statements. The other half of the class parses expressions.</summary>
internal sealed partial class Parser
{
    /// <summary>Depth of nested statements and expressions; templates in use stay below 20.</summary>
    private const int MaxDepth = 100;

    private static readonly string[] Unsupported =
        ["include", "import", "from", "extends", "block", "autoescape", "do", "trans", "debug"];

    private readonly List<Token> _tokens;
    private readonly string _name;
    private int _position;
    private int _depth;
    private int _loops;

    // Unknown filters and tests that are reached for certain; the others fail only if rendering reaches them.
    private readonly List<(int Line, string Problem)> _unknown = [];

    // Special names that the body of the macro being parsed reads.
    private HashSet<string> _names = [];

    private Parser(List<Token> tokens, string name) => (_tokens, _name) = (tokens, name);

    private Token Current => _tokens[_position];

    /// <exception cref="TemplateException">The template is broken, or uses what is not supported.</exception>
    public static Statement[] Parse(string source, string name)
    {
        Parser parser = new(Lexer.Tokenize(source, name), name);
        Statement[] body = parser.ParseBody(null, 0);
        if (parser._unknown.Count > 0)
            throw parser.Fail(parser._unknown[0].Line, parser._unknown[0].Problem);
        return body;
    }

    /// <summary>A filter or test by name. As in Jinja, one that does not exist is an error of parsing where it is
    /// certain to be reached, and otherwise an error when rendering reaches it.</summary>
    private Builtin Known(Builtin? found, string kind, Token name)
    {
        if (found != null)
            return found;
        string problem = $"the {kind} '{name.Value}' is not supported";
        _unknown.Add((name.Line, problem));
        return new(name.Value, null, 0, (_, _, _) => throw new EvaluationException(problem));
    }

    /// <summary>Parses what rendering may pass over.</summary>
    private T Skippable<T>(Func<T> parse)
    {
        int certain = _unknown.Count;
        T result = parse();
        ForgetUnknown(certain);
        return result;
    }

    private void ForgetUnknown(int certain) => _unknown.RemoveRange(certain, _unknown.Count - certain);

    /// <summary>Parses statements up to a block tag that begins with one of the given names; that name stays current.
    /// At the top of the template there is none.</summary>
    private Statement[] ParseBody(string[]? ends, int openedAt)
    {
        List<Statement> body = [];
        while (true)
        {
            Token token = Take();
            switch (token.Kind)
            {
                case TokenKind.Text:
                    body.Add(new TextStatement(token.Line, token.Value));
                    break;
                case TokenKind.VariableBegin:
                    body.Add(new PrintStatement(token.Line, ParseTuple()));
                    Expect(TokenKind.VariableEnd);
                    break;
                case TokenKind.BlockBegin:
                    if (ends != null && Current.Kind == TokenKind.Name && ends.Contains(Current.Value))
                        return [.. body];
                    body.Add(Nested(() => ParseStatement(ends, openedAt)));
                    break;
                default:
                    if (ends == null)
                        return [.. body];
                    throw Fail(
                        token.Line, $"the template ends where {Choice(ends)} is missing (opened in line {openedAt})");
            }
        }
    }

    /// <summary>Parses a body and its closing tag.</summary>
    private Statement[] ParseBodyTo(string end, int openedAt)
    {
        Statement[] body = ParseBody([end], openedAt);
        Take();
        Expect(TokenKind.BlockEnd);
        return body;
    }

    private Statement ParseStatement(string[]? ends, int openedAt)
    {
        Token tag = ExpectName();
        Statement statement = tag.Value switch
        {
            "if" => Skippable(() => ParseIf(tag.Line)),
            "for" => ParseFor(tag.Line),
            "set" => ParseSet(tag.Line),
            "macro" => ParseMacro(tag.Line),
            "call" => ParseCallBlock(tag.Line),
            "filter" => ParseFilterBlock(tag.Line),
            "with" => ParseWith(tag.Line),
            "generation" => ParseGeneration(tag.Line),
            "break" or "continue" => ParseJump(tag),
            "print" => new PrintStatement(tag.Line, ParseTuple()),
            _ => throw UnknownStatement(tag, ends, openedAt),
        };
        if (statement is SetStatement or BreakStatement or ContinueStatement or PrintStatement)
            Expect(TokenKind.BlockEnd);
        return statement;
    }

    private TemplateException UnknownStatement(Token tag, string[]? ends, int openedAt)
    {
        if (Unsupported.Contains(tag.Value))
            return Fail(tag.Line, $"the statement '{tag.Value}' is not supported");
        bool closes = tag.Value.StartsWith("end", StringComparison.Ordinal) || tag.Value is "else" or "elif";
        if (closes && ends != null)
            return Fail(tag.Line, $"'{tag.Value}' where {Choice(ends)} is missing (opened in line {openedAt})");
        return Fail(tag.Line, closes ? $"'{tag.Value}' closes nothing" : $"unknown statement '{tag.Value}'");
    }

    private IfStatement ParseIf(int line)
    {
        List<(Expression, Statement[])> branches = [];
        Statement[] otherwise = [];
        while (true)
        {
            Expression test = ParseTuple(withConditional: false);
            Expect(TokenKind.BlockEnd);
            branches.Add((test, ParseBody(["elif", "else", "endif"], line)));
            string next = Take().Value;
            if (next == "elif")
                continue;
            Expect(TokenKind.BlockEnd);
            if (next == "else")
                otherwise = ParseBodyTo("endif", line);
            return new(line, [.. branches], otherwise);
        }
    }

    private ForStatement ParseFor(int line)
    {
        Target target = ParseTarget(allowNamespace: false);
        ExpectKeyword("in");
        Expression sequence = ParseTuple(withConditional: false, end: "recursive");
        Expression? condition = TakeKeyword("if") ? Skippable(ParseExpression) : null;
        if (Current.IsName("recursive"))
            throw Fail(Current.Line, "recursive loops ('recursive') are not supported");
        Expect(TokenKind.BlockEnd);
        _loops++;
        Statement[] body = Skippable(() => ParseBody(["else", "endfor"], line));
        _loops--;
        Statement[] otherwise = [];
        bool hasElse = Take().Value == "else";
        Expect(TokenKind.BlockEnd);
        if (hasElse)
            otherwise = Skippable(() => ParseBodyTo("endfor", line));
        return new(line, target, sequence, condition, body, otherwise);
    }

    private Statement ParseSet(int line)
    {
        Target target = ParseTarget(allowNamespace: true);
        if (TakeOperator("="))
            return new SetStatement(line, target, ParseTuple());
        FilterCall[] filters = ParseFilters();
        Expect(TokenKind.BlockEnd);
        return new SetBlockStatement(line, target, filters, ParseBodyTo("endset", line));
    }

    private FilterStatement ParseFilterBlock(int line)
    {
        FilterCall[] filters = [ParseFilter(null), .. ParseFilters()];
        Expect(TokenKind.BlockEnd);
        return new(line, filters, ParseBodyTo("endfilter", line));
    }

    private FilterCall[] ParseFilters()
    {
        List<FilterCall> filters = [];
        while (TakeOperator("|"))
            filters.Add(ParseFilter(null));
        return [.. filters];
    }

    private WithStatement ParseWith(int line)
    {
        List<(Target, Expression)> assignments = [];
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (assignments.Count > 0)
                ExpectOperator(",");
            Target target = ParseSingleTarget(allowNamespace: false);
            ExpectOperator("=");
            assignments.Add((target, ParseExpression()));
        }
        Expect(TokenKind.BlockEnd);
        return new(line, [.. assignments], ParseBodyTo("endwith", line));
    }

    private GenerationStatement ParseGeneration(int line)
    {
        Expect(TokenKind.BlockEnd);
        return new(line, InFunction(() => ParseBodyTo("endgeneration", line)));
    }

    private Statement ParseJump(Token tag)
    {
        if (_loops == 0)
            throw Fail(tag.Line, $"'{tag.Value}' outside a loop");
        return tag.Value == "break" ? new BreakStatement(tag.Line) : new ContinueStatement(tag.Line);
    }

    private MacroStatement ParseMacro(int line)
    {
        string name = ExpectName().Value;
        if (!Current.IsOperator("("))
            throw Fail(Current.Line, $"'(' is missing after the name of the macro '{name}'");
        var parameters = ParseParameters();
        Expect(TokenKind.BlockEnd);
        return new(line, name, ParseMacroBody(name, parameters, "endmacro", line));
    }

    private CallStatement ParseCallBlock(int line)
    {
        var parameters = Current.IsOperator("(") ? ParseParameters() : [];
        if (ParseExpression() is not Call call)
            throw Fail(line, "the statement 'call' needs a call");
        Expect(TokenKind.BlockEnd);
        return new(line, call, ParseMacroBody("caller", parameters, "endcall", line));
    }

    private MacroDefinition ParseMacroBody(string name, (string, Expression?)[] parameters, string end, int line)
    {
        HashSet<string> outer = _names;
        _names = [];
        Statement[] body = Skippable(() => InFunction(() => ParseBodyTo(end, line)));
        MacroDefinition macro = new(
            name, parameters, _names.Contains("caller"), _names.Contains("varargs"), _names.Contains("kwargs"), body);
        outer.UnionWith(_names);
        _names = outer;
        return macro;
    }

    private (string, Expression?)[] ParseParameters()
    {
        ExpectOperator("(");
        List<(string Name, Expression? Default)> parameters = [];
        while (!Current.IsOperator(")"))
        {
            if (parameters.Count > 0)
                ExpectOperator(",");
            if (Current.IsOperator(")"))
                break;
            Token name = ExpectName();
            Expression? value = TakeOperator("=") ? Skippable(ParseExpression) : null;
            if (value == null && parameters.Count > 0 && parameters[^1].Default != null)
                throw Fail(name.Line, $"parameter '{name.Value}' without a default follows one with a default");
            parameters.Add((name.Value, value));
        }
        ExpectOperator(")");
        return [.. parameters];
    }

    /// <summary>Parses what becomes a function: break and continue do not reach out of it.</summary>
    private T InFunction<T>(Func<T> parse)
    {
        int loops = _loops;
        _loops = 0;
        T result = parse();
        _loops = loops;
        return result;
    }

    private Target ParseTarget(bool allowNamespace)
    {
        Target first = ParseSingleTarget(allowNamespace);
        if (!Current.IsOperator(","))
            return first;
        List<Target> parts = [first];
        while (TakeOperator(",") && BeginsTarget())
            parts.Add(ParseSingleTarget(allowNamespace));
        return new TupleTarget(first.Line, [.. parts]);

        bool BeginsTarget() => Current.Kind == TokenKind.Name ? !Current.IsName("in") : Current.IsOperator("(");
    }

    private Target ParseSingleTarget(bool allowNamespace)
    {
        if (Current.IsOperator("(") || Current.IsOperator("["))
        {
            string close = Take().Value == "(" ? ")" : "]";
            Target inner = Nested(() => ParseTarget(allowNamespace));
            ExpectOperator(close);
            return inner;
        }
        Token name = ExpectName();
        if (name.Value is "true" or "false" or "none" or "True" or "False" or "None")
            throw Fail(name.Line, $"cannot assign to '{name.Value}'");
        if (allowNamespace && TakeOperator("."))
            return new NamespaceTarget(name.Line, name.Value, ExpectName().Value);
        return new NameTarget(name.Line, name.Value);
    }

    private static string Choice(string[] names) => string.Join(" or ", names.Select(n => $"'{n}'"));

    private T Nested<T>(Func<T> parse)
    {
        if (++_depth > MaxDepth)
            throw Fail(Current.Line, $"statements or expressions are nested more than {MaxDepth} deep");
        T result = parse();
        _depth--;
        return result;
    }

    private Token Take() => _tokens[_position < _tokens.Count - 1 ? _position++ : _position];

    private bool TakeOperator(string value)
    {
        bool found = Current.IsOperator(value);
        if (found)
            _position++;
        return found;
    }

    private bool TakeKeyword(string value)
    {
        bool found = Current.IsName(value);
        if (found)
            _position++;
        return found;
    }

    private void Expect(TokenKind kind)
    {
        Token token = Take();
        if (token.Kind != kind)
            throw Fail(token.Line, $"{token} where {new Token(kind, "", 0)} is expected");
    }

    private void ExpectOperator(string value)
    {
        if (!TakeOperator(value))
            throw Fail(Current.Line, $"{Current} where '{value}' is expected");
    }

    private void ExpectKeyword(string value)
    {
        if (!TakeKeyword(value))
            throw Fail(Current.Line, $"{Current} where '{value}' is expected");
    }

    private Token ExpectName()
    {
        Token token = Take();
        return token.Kind == TokenKind.Name ? token : throw Fail(token.Line, $"{token} where a name is expected");
    }

    private TemplateException Fail(int line, string problem) => new(_name, line, problem);
}
