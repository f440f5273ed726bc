using Fractions;
using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Sums, products and powers.</summary>
internal sealed partial class Parser
{
    private Node Sum()
    {
        Enter();
        List<Node> terms = [];
        Node? sign = SignAhead();
        do
        {
            Node term = Term();
            terms.Add(sign is null ? term : sign is NumberNode ? Nodes.Negate(term) : Nodes.Product(sign, term));
        }
        while (TrySign(out sign));
        _depth--;
        return terms.Count == 1 ? terms[0] : new SumNode(terms);
    }

    private bool TrySign(out Node? sign)
    {
        int before = _at;
        sign = SignAhead();
        return _at > before;
    }

    /// <summary>Reads signs: null for plus, the number -1 for minus, and the sign that ± stands for, perhaps negated.</summary>
    private Node? SignAhead()
    {
        bool negative = false;
        bool either = false;
        for (; Current.Kind == TokenKind.Operator && Current.Text is "+" or "-" or "±" or "∓"; _at++)
        {
            negative ^= Current.Text is "-" or "∓";
            either |= Current.Text is "±" or "∓";
        }
        Node? sign = either ? new SymbolNode(Constants.Sign) : null;
        return !negative ? sign : sign is null ? NumberNode.MinusOne : Nodes.Negate(sign);
    }

    private Node Term()
    {
        List<Node> factors = new() { Power() };
        while (true)
        {
            if (Skip("*"))
                factors.Add(SignedPower());
            else if (Current.IsOperator("/") && Ahead(1).Kind is not (TokenKind.Text or TokenKind.Word))
                Divide(factors);
            else if (StartsFactor())
                factors.Add(Power());
            else
                break;
        }
        return factors.Count == 1 ? factors[0] : new ProductNode(factors);
    }

    private void Divide(List<Node> factors)
    {
        _at++;
        Node divisor = SignedPower();
        factors[^1] = Nodes.Quotient(factors[^1], divisor);
    }

    private Node SignedPower()
    {
        bool negative = false;
        for (; Current.IsOperator("-") || Current.IsOperator("+"); _at++)
            negative ^= Current.Text == "-";
        Node power = Power();
        return negative ? Nodes.Negate(power) : power;
    }

    /// <summary>Whether the token multiplies what stands before it without an operator.</summary>
    private bool StartsFactor() => Current.Kind switch
    {
        TokenKind.Symbol or TokenKind.Function or TokenKind.Number => true,
        TokenKind.Command => true,
        TokenKind.Word => !IsUnitWord(Current.Text) && !Spellings.IsEnglish(Current.Text),
        TokenKind.Open => true,
        TokenKind.Operator => Current.Text == "|" && _bars == 0 && !_inSet,
        _ => false,
    };

    /// <summary>Whether a word behind a value is its unit rather than a product of letters.</summary>
    private static bool IsUnitWord(string word) => word.Length > 3 || Units.IsWord(word);

    private Node Power()
    {
        if (Current.Kind != TokenKind.Word || !IsProductOfLetters(Current.Text))
            return Postfix(Primary());
        // xy^2 is x (y^2).
        string word = Current.Text;
        _at++;
        Node last = Postfix(Indexed(word[^1..]));
        return new ProductNode([.. word[..^1].Select(letter => new SymbolNode(letter.ToString())), last]);
    }

    private static bool IsProductOfLetters(string word) => word.Length <= 3 && !Spellings.IsEnglish(word);

    /// <summary>Reads what may follow a value: powers, factorials, degrees and percent.</summary>
    private Node Postfix(Node node)
    {
        while (Current.Kind == TokenKind.Operator)
        {
            if (Current.IsOperator("^") && IsDegreeSign())
                node = Nodes.Function(Functions.Degrees, node);
            else if (Skip("^"))
                node = new PowerNode(node, Exponent());
            else if (Skip("!"))
                node = Nodes.Function(Functions.Factorial, node);
            else if (Skip("°"))
                node = Nodes.Function(Functions.Degrees, node);
            else if (Skip("%"))
                node = Nodes.Function(Functions.Percent, node);
            else
                break;
        }
        return node;
    }

    /// <summary>Reads ^\circ and ^{\circ}.</summary>
    private bool IsDegreeSign()
    {
        int length = Ahead(1).IsOperator("°") ? 2
            : Ahead(1).IsOpen("{") && Ahead(2).IsOperator("°") && Ahead(3).IsClose("}") ? 4 : 0;
        _at += length;
        return length > 0;
    }

    private Node Exponent()
    {
        Enter();
        bool negative = false;
        for (; Current.IsOperator("-") || Current.IsOperator("+"); _at++)
            negative ^= Current.Text == "-";
        Node node = Current.Kind == TokenKind.Number ? Number() : Primary();
        if (Skip("^"))
            node = new PowerNode(node, Exponent());
        _depth--;
        return negative ? Nodes.Negate(node) : node;
    }

    private Node Number()
    {
        string text = Current.Text;
        _at++;
        return new NumberNode(NumberScanner.Value(text), NumberScanner.IsDecimal(text));
    }

    /// <summary>A number, with the fraction of a mixed number or the base behind it.</summary>
    private Node NumberWithTail()
    {
        string text = Current.Text;
        NumberNode number = (NumberNode)Number();
        if (Current.IsOperator("_"))
        {
            _at++;
            return new BaseNode(text, NumberWords.Normalize(ScriptText()));
        }
        if (number.IsDecimal || !number.Value.Denominator.IsOne)
            return number;
        return MixedFraction() is { } fraction ? new NumberNode(number.Value + fraction) : number;
    }

    /// <summary>The fraction of 1\frac45 or 1 4/5: positive, below one, of integers.</summary>
    private Fraction? MixedFraction()
    {
        int start = _at;
        Node? node = null;
        if (Current.Is(TokenKind.Command, "frac"))
            node = Primary();
        else if (Current is { Kind: TokenKind.Number, SpaceBefore: true } && Ahead(1).IsOperator("/") && Ahead(2).Kind == TokenKind.Number)
            node = PlainFraction();
        if (node is NumberNode { IsDecimal: false, Value: var value } && value > Fraction.Zero && value < Fraction.One)
            return value;
        _at = start;
        return null;
    }

    private Node PlainFraction()
    {
        Node top = Number();
        _at++;
        return Nodes.Quotient(top, Number());
    }
}
