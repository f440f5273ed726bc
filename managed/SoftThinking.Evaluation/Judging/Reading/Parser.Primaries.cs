using System.Text;
using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Numbers, symbols, functions, fractions and roots.</summary>
internal sealed partial class Parser
{
    /// <summary>Letters that are functions where a bracket follows; of others, x(x+1) is a product.</summary>
    private const string FunctionLetters = "fghFGH";

    private static readonly HashSet<string> Currencies = ["$", "€", "£", "¥"];

    private Node Primary()
    {
        Token token = Current;
        switch (token.Kind)
        {
            case TokenKind.Number:
                return NumberWithTail();
            case TokenKind.Symbol:
                return Symbol();
            case TokenKind.Function:
                return Function();
            case TokenKind.Command:
                return Command();
            case TokenKind.Open:
                return Bracket();
            case TokenKind.Text when Currencies.Contains(token.Text):
                _currency = token.Text;
                _at++;
                return Primary();
            case TokenKind.Text:
                return Words();
            case TokenKind.Word:
                return IsProductOfLetters(token.Text) ? Power() : Words();
            case TokenKind.Operator when token.Text == "|":
                return Bars();
            default:
                throw Unexpected();
        }
    }

    private TextNode Words()
    {
        StringBuilder text = new();
        for (; Current.Kind is TokenKind.Text or TokenKind.Word; _at++)
            text.Append(Current.Text).Append(' ');
        return new TextNode(text.ToString().Trim());
    }

    private Node Bars()
    {
        Enter();
        _at++;
        _bars++;
        Node node = Sum();
        _bars--;
        _depth--;
        if (!Skip("|"))
            throw Unexpected();
        return Nodes.Function(Functions.Absolute, node);
    }

    private Node Symbol()
    {
        string name = Current.Text;
        _at++;
        // W(n) = 1 names a value of W, whatever letter it is.
        bool isCall = FunctionLetters.Contains(name, StringComparison.Ordinal)
            || (Current.IsOpen("(") && Ahead(1).Kind is TokenKind.Symbol or TokenKind.Number
                && Ahead(2).IsClose(")") && Ahead(3).IsOperator("="));
        SymbolNode symbol = Indexed(name);
        if (isCall && IsInverse())
        {
            symbol = new SymbolNode(symbol.Name + "^-1");
            _at += 5;
        }
        return isCall && Current is { Kind: TokenKind.Open, Text: "(", SpaceBefore: false } ? Call(symbol.Name) : symbol;
    }

    /// <summary>A symbol with the primes and the index behind it.</summary>
    private SymbolNode Indexed(string name)
    {
        while (Skip("'"))
            name += "'";
        if (Skip("_"))
            name += "_" + ScriptText();
        while (Skip("'"))
            name += "'";
        return new SymbolNode(name);
    }

    /// <summary>Whether ^{-1}( follows: the inverse of a function.</summary>
    private bool IsInverse() => Current.IsOperator("^") && Ahead(1).IsOpen("{") && Ahead(2).IsOperator("-")
        && Ahead(3).Is(TokenKind.Number, "1") && Ahead(4).IsClose("}") && Ahead(5).IsOpen("(");

    private Node Call(string name)
    {
        Node argument = Bracket();
        return new FunctionNode(Functions.Call + name, argument is TupleNode tuple ? tuple.Items : [argument]);
    }

    /// <summary>The text of an index: a group, or one token.</summary>
    private string ScriptText()
    {
        if (!Current.IsOpen("{"))
        {
            if (Current.Kind == TokenKind.End)
                throw Unexpected();
            return _tokens[_at++].Text;
        }
        StringBuilder text = new();
        int depth = 0;
        do
        {
            if (Current.Kind == TokenKind.End)
                throw Unexpected();
            depth += Current.IsOpen("{") ? 1 : Current.IsClose("}") ? -1 : 0;
            if (Current is not { Kind: TokenKind.Open or TokenKind.Close, Text: "{" or "}" })
                text.Append(Current.Text);
            _at++;
        }
        while (depth > 0);
        return text.ToString();
    }

    private Node Command()
    {
        string name = Current.Text;
        _at++;
        switch (name)
        {
            case "frac":
                Node top = Argument();
                return Nodes.Quotient(top, Argument());
            case "binom":
                Node n = Argument();
                return Binomial(n, Argument());
            case "sqrt":
                return Root();
            case "emptyset":
                return new SetNode([]);
            default:
                // Accents and the like only make another name.
                return new SymbolNode(name + " " + ScriptText());
        }
    }

    private Node Argument()
    {
        Enter();
        Node node = Current.Kind == TokenKind.Number ? Number() : Primary();
        _depth--;
        return node;
    }

    private Node Root()
    {
        if (!Current.IsOpen("["))
            return new PowerNode(Argument(), NumberNode.Half);
        _at++;
        Node degree = Sum();
        if (!Current.IsClose("]"))
            throw Unexpected();
        _at++;
        return new FunctionNode(Functions.Root, [Argument(), degree]);
    }

    private static Node Binomial(Node n, Node k)
    {
        Node below = Nodes.Product(
            Nodes.Function(Functions.Factorial, k), Nodes.Function(Functions.Factorial, Nodes.Difference(n, k)));
        return Nodes.Quotient(Nodes.Function(Functions.Factorial, n), below);
    }

    private Node Function()
    {
        Enter();
        string name = Current.Text;
        _at++;
        Node? exponent = null;
        Node? logarithmBase = null;
        while (Current.IsOperator("^") || Current.IsOperator("_"))
        {
            bool isBase = Current.Text == "_";
            _at++;
            if (isBase)
                logarithmBase = Exponent();
            else
                exponent = Exponent();
        }
        if (exponent is NumberNode { Value: var power } && power == -1 && name is "sin" or "cos" or "tan" or "cot")
            (name, exponent) = ("arc" + name, null);
        Node value = Apply(name, logarithmBase, FunctionArgument());
        _depth--;
        return exponent is null ? value : new PowerNode(value, exponent);
    }

    private Node Apply(string name, Node? logarithmBase, Node argument)
    {
        switch (name)
        {
            case "exp":
                return new PowerNode(new SymbolNode(Constants.E), argument);
            case "log" or "lg":
                if (logarithmBase is null && (name == "lg" || _interpretation.DecimalLogarithm))
                    logarithmBase = Nodes.Number(10);
                Node value = Nodes.Function("ln", argument);
                return logarithmBase is null ? value : Nodes.Quotient(value, Nodes.Function("ln", logarithmBase));
            default:
                return Nodes.Function(name, argument);
        }
    }

    /// <summary>What a function is applied to: a bracket, or the factors up to the next function or operator.</summary>
    private Node FunctionArgument()
    {
        if (Current.IsOpen("(") || Current.IsOpen("["))
            return Bracket();
        bool negative = Skip("-");
        List<Node> factors = new() { Power() };
        while (StartsFactor() && Current.Kind is not (TokenKind.Function or TokenKind.Open)
            && (Current.Kind != TokenKind.Command || factors[^1] is NumberNode)) // sin x √2 is √2 sin x
            factors.Add(Power());
        Node node = factors.Count == 1 ? factors[0] : new ProductNode(factors);
        return negative ? Nodes.Negate(node) : node;
    }
}
