using SoftThinking.Evaluation.Judging.Algebra;

namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>
/// Reads tokens into a tree, by recursive descent. From loose to tight: lists, relations, ratios, unions, sums, products,
/// powers. This part reads what joins expressions; the other parts read expressions.
/// </summary>
internal sealed partial class Parser
{
    private static readonly HashSet<string> Relations = ["=", "<", ">", "≤", "≥", "≠", "≈", "∈"];

    private readonly IReadOnlyList<Token> _tokens;
    private readonly Interpretation _interpretation;
    private int _at;
    private int _depth;
    private int _bars;
    private bool _inSet;
    private bool _isAlternative;
    private string? _currency;

    private Parser(IReadOnlyList<Token> tokens, Interpretation interpretation)
    {
        _tokens = tokens;
        _interpretation = interpretation;
    }

    /// <summary>Reads an answer; throws <see cref="UnreadableException"/> where it is not mathematics.</summary>
    public static Node Parse(string text, Interpretation interpretation)
    {
        Parser parser = new(Tokenizer.Tokenize(text, interpretation.Comma), interpretation);
        Node node = parser.Answer();
        return parser.Current.Kind == TokenKind.End ? node : throw parser.Unexpected();
    }

    private Token Current => _tokens[_at];

    private Token Ahead(int count) => _tokens[Math.Min(_at + count, _tokens.Count - 1)];

    private UnreadableException Unexpected() => new($"unexpected '{Current.Text}'");

    private bool Skip(string operatorText)
    {
        if (!Current.IsOperator(operatorText))
            return false;
        _at++;
        return true;
    }

    private void Enter()
    {
        if (++_depth > 2 * Budget.MaxDepth)
            throw new UnreadableException("nested too deeply");
    }

    private Node Answer()
    {
        List<Node> groups = new() { CommaList() };
        while (Skip(";"))
        {
            if (Current.Kind != TokenKind.End)
                groups.Add(CommaList());
        }
        return groups.Count == 1 ? groups[0] : new ListNode(groups);
    }

    private Node CommaList()
    {
        List<Node> items = new() { Clause() };
        while (SkipSeparators() && Current.Kind != TokenKind.End)
            items.Add(Clause());
        return items.Count == 1 ? items[0] : new ListNode(items, _isAlternative);
    }

    /// <summary>Skips commas and "and", of which several may stand together; the row separator of LaTeX counts as one, too.</summary>
    private bool SkipSeparators()
    {
        bool any = false;
        while (Current.Kind == TokenKind.Operator && Current.Text is "," or "and" or "or" or "\\")
        {
            _isAlternative |= Current.Text == "or";
            any = true;
            _at++;
        }
        return any;
    }

    /// <summary>Sides with relations between them.</summary>
    private Node Clause()
    {
        // "= 5" and "≈ 5" are answers that begin in the middle of a computation.
        while (Current.IsOperator("=") || Current.IsOperator("≈"))
            _at++;
        List<Node> sides = new() { Side() };
        List<char> relations = [];
        while (Current.Kind == TokenKind.Operator && Relations.Contains(Current.Text))
        {
            relations.Add(Current.Text[0]);
            _at++;
            sides.Add(Side());
        }
        return sides.Count == 1 ? sides[0] : new RelationNode(sides, relations);
    }

    /// <summary>A side of a relation, with its unit.</summary>
    private Node Side()
    {
        string? outer = _currency;
        _currency = null;
        Node value = Ratio();
        string? unit = _currency ?? Unit();
        if (_currency is not null)
            Unit();
        _currency = outer;
        return unit is null ? value : new QuantityNode(value, unit);
    }

    /// <summary>Text behind a value, with its power: cm^2, km/h.</summary>
    private string? Unit()
    {
        if (Current.Kind is not (TokenKind.Text or TokenKind.Word))
            return null;
        string unit = "";
        while (Current.Kind is TokenKind.Text or TokenKind.Word || (unit.Length > 0 && Current.IsOperator("/")) || IsUnitBelow())
        {
            unit += (Current.SpaceBefore && unit.Length > 0 ? " " : "") + Current.Text;
            _at++;
        }
        if (Current.IsOperator("^"))
        {
            _at++;
            unit += "^" + ScriptText();
        }
        return unit;
    }

    /// <summary>Whether the token is the letter below the fraction bar of a unit: the h of km/h.</summary>
    private bool IsUnitBelow()
        => Current.Kind == TokenKind.Symbol && Units.IsLetter(Current.Text) && _at > 0 && _tokens[_at - 1].IsOperator("/");

    private Node Ratio()
    {
        List<Node> terms = new() { Union() };
        while (!_inSet && Skip(":"))
            terms.Add(Union());
        return terms.Count == 1 ? terms[0] : new RatioNode(terms);
    }

    private Node Union()
    {
        List<Node> parts = new() { Sum() };
        while (Skip("∪"))
            parts.Add(Sum());
        Node union = parts.Count == 1 ? parts[0] : new UnionNode(parts);
        return Skip("∖") ? new RelationNode([union, Union()], ['∖']) : union;
    }

    /// <summary>Something in brackets: a group, a tuple, a set, a matrix.</summary>
    private Node Bracket()
    {
        Enter();
        (int bars, bool inSet) = (_bars, _inSet);
        _bars = 0;
        string open = Current.Text;
        _inSet = open == "\\{";
        _at++;
        Node node = open switch
        {
            "matrix" or "vmatrix" => Matrix(open),
            "⌊" => Nodes.Function(Functions.Floor, Closed(Sum(), "⌋")),
            "⌈" => Nodes.Function(Functions.Ceiling, Closed(Sum(), "⌉")),
            _ => Items(open),
        };
        (_bars, _inSet) = (bars, inSet);
        _depth--;
        return node;
    }

    private Node Closed(Node node, string close)
    {
        if (!Current.IsClose(close))
            throw Unexpected();
        _at++;
        return node;
    }

    private Node Items(string open)
    {
        List<Node> items = [];
        while (Current.Kind != TokenKind.Close)
        {
            items.Add(Clause());
            if (open == "\\{" && items.Count == 1 && (Skip("|") || Skip(":")))
                items[0] = Clause(); // {x | condition} is what the condition says.
            if (!SkipSeparators() && !Skip(";") && Current.Kind != TokenKind.Close)
                throw Unexpected();
        }
        string close = Current.Text;
        _at++;
        return (open, close) switch
        {
            ("\\{", "\\}") when items is [RelationNode { Relations: not ['='] } condition] => condition,
            ("\\{", "\\}") => new SetNode(items),
            ("{", "}") when items.Count > 1 => new SetNode(items),
            ("⟨", "⟩") when items.Count > 1 => new TupleNode('(', ')', items),
            ("(" or "[", ")" or "]") when items.Count > 1 => new TupleNode(open[0], close[0], items),
            ("{", "}") or ("(", ")") or ("[", "]") when items.Count == 1 => items[0],
            _ => throw new UnreadableException($"brackets '{open}' and '{close}' do not match"),
        };
    }

    private Node Matrix(string kind)
    {
        List<IReadOnlyList<Node>> rows = [];
        List<Node> row = [];
        while (Current.Kind != TokenKind.Close)
        {
            if (Skip("\\"))
            {
                rows.Add(row);
                row = [];
            }
            else if (!Skip("&"))
            {
                row.Add(Clause());
                if (Current.Kind != TokenKind.Close && !Current.IsOperator("&") && !Current.IsOperator("\\"))
                    throw Unexpected();
            }
        }
        if (row.Count > 0)
            rows.Add(row);
        if (!Current.IsClose(kind) || kind != "matrix")
            throw Unexpected();
        _at++;
        return new MatrixNode(rows);
    }
}
