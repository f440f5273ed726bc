using System.Globalization;

namespace SoftThinking.Templating;

// Precedence, loosest first: inline if, or, and, not, comparison, + -, ~, * / // %, **, unary, postfix, filters and
// tests.
internal sealed partial class Parser
{
    private Expression ParseExpression() => Nested(ParseConditional);

    /// <summary>An expression, or several with commas between, which make a tuple.</summary>
    private Expression ParseTuple(bool withConditional = true, string? end = null)
    {
        int line = Current.Line;
        Expression first = ParseItem(withConditional);
        if (!Current.IsOperator(","))
            return first;
        List<Expression> items = [first];
        while (TakeOperator(",") && !EndsTuple(end))
            items.Add(ParseItem(withConditional));
        return new ListLiteral(line, [.. items], SequenceKind.Tuple);
    }

    private Expression ParseItem(bool withConditional) => withConditional ? ParseExpression() : Nested(ParseOr);

    private bool EndsTuple(string? end) =>
        Current.Kind is TokenKind.VariableEnd or TokenKind.BlockEnd || Current.IsOperator(")") || Current.IsName("in")
        || (end != null && Current.IsName(end));

    private Expression ParseConditional()
    {
        int certain = _unknown.Count;
        Expression value = ParseOr();
        while (Current.IsName("if"))
        {
            int line = Take().Line;
            Expression test = ParseOr();
            Expression? otherwise = TakeKeyword("else") ? ParseExpression() : null;
            value = new Conditional(line, test, value, otherwise);
            ForgetUnknown(certain);
        }
        return value;
    }

    private Expression ParseOr() => ParseChain(ParseAnd, IsKeyword("or"), mayStopEarly: true);

    private Expression ParseAnd() => ParseChain(ParseNot, IsKeyword("and"), mayStopEarly: true);

    private Expression ParseNot()
    {
        if (!Current.IsName("not"))
            return ParseComparison();
        int line = Take().Line;
        return new Unary(line, "not", Nested(ParseNot));
    }

    private Expression ParseComparison()
    {
        Expression first = ParseSum();
        List<(string, Expression)> rest = [];
        int line = Current.Line;
        while (TakeComparison() is string found)
            rest.Add((found, ParseSum()));
        return rest.Count == 0 ? first : new Comparison(line, first, [.. rest]);
    }

    private string? TakeComparison()
    {
        if (Current.Kind == TokenKind.Operator && Current.Value is "==" or "!=" or "<" or "<=" or ">" or ">=")
            return Take().Value;
        if (TakeKeyword("in"))
            return "in";
        if (!Current.IsName("not") || !_tokens[_position + 1].IsName("in"))
            return null;
        _position += 2;
        return "not in";
    }

    private Expression ParseSum() => ParseChain(ParseConcatenation, IsOperator("+", "-"));

    private Expression ParseConcatenation()
    {
        Expression first = ParseProduct();
        if (!Current.IsOperator("~"))
            return first;
        int line = Current.Line;
        List<Expression> parts = [first];
        while (TakeOperator("~"))
            parts.Add(ParseProduct());
        return new Concatenation(line, [.. parts]);
    }

    private Expression ParseProduct() => ParseChain(ParsePower, IsOperator("*", "/", "//", "%"));

    private Expression ParsePower() => ParseChain(() => ParseUnary(true), IsOperator("**"));

    private static Func<Token, bool> IsKeyword(string name) => token => token.IsName(name);

    private static Func<Token, bool> IsOperator(params string[] operators) =>
        token => token.Kind == TokenKind.Operator && operators.Contains(token.Value);

    /// <summary>Operands between operators that bind to the left.</summary>
    /// <param name="parseOperand">Parses one operand.</param>
    /// <param name="isOperator">Recognizes the operators.</param>
    /// <param name="mayStopEarly">The first operand may decide the result, so that the others are not reached.</param>
    private Expression ParseChain(
        Func<Expression> parseOperand, Func<Token, bool> isOperator, bool mayStopEarly = false)
    {
        Expression left = parseOperand();
        while (isOperator(Current))
        {
            Token found = Take();
            Expression right = mayStopEarly ? Skippable(parseOperand) : parseOperand();
            left = new Binary(found.Line, left, found.Value, right);
        }
        return left;
    }

    private Expression ParseUnary(bool withFilters)
    {
        Expression value;
        if (Current.IsOperator("-") || Current.IsOperator("+"))
        {
            Token sign = Take();
            value = new Unary(sign.Line, sign.Value, Nested(() => ParseUnary(false)));
        }
        else
        {
            value = ParsePrimary();
        }
        value = ParsePostfix(value);
        return withFilters ? ParseFiltersAndTests(value) : value;
    }

    private Expression ParsePrimary()
    {
        Token token = Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return ParseName(token);
            case TokenKind.String:
                string text = token.Value;
                while (Current.Kind == TokenKind.String)
                    text += Take().Value;
                return new Literal(token.Line, text);
            case TokenKind.Integer:
                return new Literal(token.Line, ParseInteger(token));
            case TokenKind.Float:
                return new Literal(token.Line, double.Parse(token.Value, CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Value == "(":
                return ParseParentheses(token.Line);
            case TokenKind.Operator when token.Value == "[":
                return new ListLiteral(token.Line, ParseItems("]"), SequenceKind.List);
            case TokenKind.Operator when token.Value == "{":
                return ParseDict(token.Line);
            default:
                throw Fail(token.Line, $"{token} where a value is expected");
        }
    }

    private long ParseInteger(Token token) => IntegerText.Parse(token.Value, 0) switch
    {
        long integer => integer,
        null => throw Fail(token.Line, $"{token} is not an integer"),
        _ => throw Fail(token.Line, $"the number {token.Value} exceeds 64 bits"),
    };

    private Expression ParseName(Token token)
    {
        switch (token.Value)
        {
            case "true" or "True":
                return new Literal(token.Line, true);
            case "false" or "False":
                return new Literal(token.Line, false);
            case "none" or "None":
                return new Literal(token.Line, null);
            case "caller" or "varargs" or "kwargs":
                _names.Add(token.Value);
                break;
        }
        return new Name(token.Line, token.Value);
    }

    private Expression ParseParentheses(int line)
    {
        Expression inner = Current.IsOperator(")") ? new ListLiteral(line, [], SequenceKind.Tuple) : ParseTuple();
        ExpectOperator(")");
        return inner;
    }

    private Expression[] ParseItems(string close)
    {
        List<Expression> items = [];
        while (!Current.IsOperator(close))
        {
            if (items.Count > 0)
                ExpectOperator(",");
            if (Current.IsOperator(close))
                break;
            items.Add(ParseExpression());
        }
        ExpectOperator(close);
        return [.. items];
    }

    private DictLiteral ParseDict(int line)
    {
        List<(Expression, Expression)> entries = [];
        while (!Current.IsOperator("}"))
        {
            if (entries.Count > 0)
                ExpectOperator(",");
            if (Current.IsOperator("}"))
                break;
            Expression key = ParseExpression();
            ExpectOperator(":");
            entries.Add((key, ParseExpression()));
        }
        ExpectOperator("}");
        return new(line, [.. entries]);
    }

    private Expression ParsePostfix(Expression value)
    {
        while (true)
        {
            int line = Current.Line;
            if (TakeOperator("."))
                value = ParseAttribute(value, line);
            else if (TakeOperator("["))
                value = ParseSubscript(value, line);
            else if (Current.IsOperator("("))
                value = new Call(line, value, ParseArguments());
            else
                return value;
        }
    }

    private Expression ParseAttribute(Expression value, int line)
    {
        Token name = Take();
        return name.Kind switch
        {
            TokenKind.Name => new Attribute(line, value, name.Value),
            TokenKind.Integer when IntegerText.Parse(name.Value, 10) is long index =>
                new Element(line, value, new Literal(line, index)),
            _ => throw Fail(name.Line, $"{name} where the name of an attribute is expected"),
        };
    }

    private Expression ParseSubscript(Expression value, int line)
    {
        Expression? index = Current.IsOperator(":") ? null : ParseExpression();
        if (index != null && Current.IsOperator(","))
            throw Fail(line, "several indices between brackets are not supported");
        if (index != null && TakeOperator("]"))
            return new Element(line, value, index);
        Expression?[] bounds = [index, null, null];
        for (int i = 1; i < 3 && TakeOperator(":"); i++)
        {
            if (!Current.IsOperator(":") && !Current.IsOperator("]"))
                bounds[i] = ParseExpression();
        }
        ExpectOperator("]");
        return new Slice(line, value, bounds[0], bounds[1], bounds[2]);
    }

    private ArgumentList ParseArguments()
    {
        ExpectOperator("(");
        List<Expression> positional = [];
        List<(string, Expression)> keywords = [];
        Expression? extraPositional = null;
        Expression? extraKeywords = null;
        bool isFirst = true;
        while (!Current.IsOperator(")"))
        {
            if (!isFirst)
                ExpectOperator(",");
            isFirst = false;
            if (Current.IsOperator(")"))
                break;
            if (TakeOperator("**"))
                extraKeywords = ParseExpression();
            else if (TakeOperator("*"))
                extraPositional = ParseExpression();
            else if (Current.Kind == TokenKind.Name && _tokens[_position + 1].IsOperator("="))
                keywords.Add(ParseKeywordArgument());
            else if (keywords.Count > 0 || extraKeywords != null)
                throw Fail(Current.Line, "a positional argument follows a keyword argument");
            else
                positional.Add(ParseExpression());
        }
        ExpectOperator(")");
        return new([.. positional], [.. keywords], extraPositional, extraKeywords);
    }

    private (string, Expression) ParseKeywordArgument()
    {
        string name = Take().Value;
        Take();
        return (name, ParseExpression());
    }

    private Expression ParseFiltersAndTests(Expression value)
    {
        while (true)
        {
            if (TakeOperator("|"))
                value = ParseFilter(value);
            else if (TakeKeyword("is"))
                value = ParseTest(value);
            else if (Current.IsOperator("("))
                value = new Call(Current.Line, value, ParseArguments());
            else
                return value;
        }
    }

    private FilterCall ParseFilter(Expression? value)
    {
        Token name = ExpectName();
        Builtin filter = Known(Filters.Find(name.Value), "filter", name);
        ArgumentList arguments = Current.IsOperator("(") ? ParseArguments() : ArgumentList.Empty;
        return new(name.Line, value, filter, arguments);
    }

    private Expression ParseTest(Expression value)
    {
        bool negated = TakeKeyword("not");
        Token name = ExpectName();
        Builtin test = Known(Tests.Find(name.Value), "test", name);
        ArgumentList arguments = ArgumentList.Empty;
        if (Current.IsOperator("("))
            arguments = ParseArguments();
        else if (BeginsTestArgument())
            arguments = arguments with { Positional = [Nested(() => ParsePostfix(ParsePrimary()))] };
        Expression result = new TestCall(name.Line, value, test, arguments);
        return negated ? new Unary(name.Line, "not", result) : result;
    }

    /// <summary>A test takes one argument without parentheses: <c>n is divisibleby 3</c>.</summary>
    private bool BeginsTestArgument()
    {
        if (Current.IsName("is"))
            throw Fail(Current.Line, "tests cannot be chained with 'is'");
        return Current.Kind switch
        {
            TokenKind.String or TokenKind.Integer or TokenKind.Float => true,
            TokenKind.Name => Current.Value is not ("else" or "or" or "and"),
            TokenKind.Operator => Current.Value is "[" or "{",
            _ => false,
        };
    }
}
