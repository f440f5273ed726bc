namespace SoftThinking.Evaluation.Judging.Reading;

/// <summary>Splits an answer, in LaTeX or plain text, into tokens.</summary>
internal sealed class Tokenizer
{
    private readonly string _text;
    private readonly CommaReading _comma;
    private readonly List<Token> _tokens = [];
    private int _at;
    private int _depth;
    private int _recursion;
    private bool _space;

    private Tokenizer(string text, CommaReading comma)
    {
        _text = text;
        _comma = comma;
    }

    /// <summary>The tokens of an answer, with one of kind End behind them.</summary>
    public static IReadOnlyList<Token> Tokenize(string text, CommaReading comma)
    {
        if (text.Length > Budget.MaxLength)
            throw new BudgetException();
        Tokenizer tokenizer = new(text, comma);
        tokenizer.Run(text.Length);
        tokenizer.Add(TokenKind.End, "");
        return tokenizer._tokens;
    }

    private void Run(int end)
    {
        while (_at < end)
            Next();
    }

    private void Add(TokenKind kind, string text)
    {
        _tokens.Add(new Token(kind, text, _space));
        _space = false;
        if (kind == TokenKind.Open && ++_depth > Budget.MaxDepth)
            throw new UnreadableException("nested too deeply");
        if (kind == TokenKind.Close)
            _depth--;
        if (_tokens.Count > Budget.MaxTokens)
            throw new BudgetException();
    }

    private void Next()
    {
        char c = _text[_at];
        if (char.IsWhiteSpace(c) || c is '~' or '$' or '\u200b' or '`' or '"' or '“' or '”')
        {
            _space = true;
            _at++;
        }
        else if (NumberScanner.StartsAt(_text, _at))
        {
            Number();
        }
        else if (c == '\\')
        {
            Command();
        }
        else if (char.IsAsciiLetter(c))
        {
            Letters();
        }
        else
        {
            Character(c);
        }
    }

    private void Number()
    {
        // An index without braces is one digit: \log_2 100. An exponent without them is an integer: x^12.
        bool script = _tokens.Count > 0 && _tokens[^1] is { Kind: TokenKind.Operator, Text: "_" or "^" };
        if (!script || _text[_at] == '.')
        {
            Add(TokenKind.Number, NumberScanner.Scan(_text, ref _at, _comma, _depth));
            return;
        }
        int end = _at + 1;
        while (_tokens[^1].Text == "^" && end < _text.Length && char.IsAsciiDigit(_text[end]))
            end++;
        Add(TokenKind.Number, _text[_at..end]);
        _at = end;
    }

    private void Character(char c)
    {
        if (Spellings.Superscripts.IndexOf(c, StringComparison.Ordinal) is var digit and >= 0)
        {
            Superscript(digit);
            return;
        }
        if (Spellings.VulgarFractions.TryGetValue(c, out string? fraction))
        {
            Add(TokenKind.Command, "frac");
            Add(TokenKind.Number, fraction[..1]);
            Add(TokenKind.Number, fraction[1..]);
            _at++;
            return;
        }
        if (TwoCharacters() is { } pair)
        {
            Add(TokenKind.Operator, pair);
            _at += 2;
            return;
        }
        if (Spellings.Characters.TryGetValue(c, out (TokenKind Kind, string Text) known))
        {
            Add(known.Kind, known.Text);
            _at++;
        }
        else if (char.IsLetter(c))
        {
            Add(TokenKind.Symbol, c.ToString());
            _at++;
        }
        else if (c == '.' && string.CompareOrdinal(_text, _at, "...", 0, 3) == 0)
        {
            Add(TokenKind.Symbol, "ldots");
            _at += 3;
        }
        else if (c == '.')
        {
            // A full stop at the end of an answer or of a phrase in it.
            _space = true;
            _at++;
        }
        else
        {
            throw new UnreadableException($"unexpected character U+{(int)c:X4}");
        }
    }

    private string? TwoCharacters() => _at + 1 >= _text.Length ? null : _text.AsSpan(_at, 2) switch
    {
        "<=" => "≤",
        ">=" => "≥",
        "!=" => "≠",
        "==" => "=",
        "**" => "^",
        "+-" => "±",
        _ => null,
    };

    private void Superscript(int digit)
    {
        Add(TokenKind.Operator, "^");
        string number = "";
        for (; digit >= 0; digit = _at < _text.Length ? Spellings.Superscripts.IndexOf(_text[_at], StringComparison.Ordinal) : -1)
        {
            number += (char)('0' + digit);
            _at++;
        }
        Add(TokenKind.Number, number);
    }

    private void Letters()
    {
        int start = _at;
        if (char.ToLowerInvariant(_text[_at]) is 'a' or 'p'
            && string.Compare(_text, _at + 1, ".m.", 0, 3, StringComparison.OrdinalIgnoreCase) == 0)
        {
            Add(TokenKind.Word, _text[_at] is 'a' or 'A' ? "am" : "pm");
            _at += 4;
            return;
        }
        while (_at < _text.Length && char.IsAsciiLetter(_text[_at]))
            _at++;
        string word = _text[start.._at];
        if (Spellings.Words.TryGetValue(word, out (TokenKind Kind, string Text) known))
            Add(known.Kind, known.Text);
        else if (word.Length == 1)
            Add(TokenKind.Symbol, word);
        else if (Spellings.Words.TryGetValue(word[..^1], out (TokenKind Kind, string Text) function) && function.Kind == TokenKind.Function)
            SplitFunction(function.Text, word[^1..]);
        else
            Add(TokenKind.Word, word);
    }

    /// <summary>"sinx" is the sine of x.</summary>
    private void SplitFunction(string function, string argument)
    {
        Add(TokenKind.Function, function);
        Add(TokenKind.Symbol, argument);
    }

    private void Command()
    {
        int start = ++_at;
        while (_at < _text.Length && char.IsAsciiLetter(_text[_at]))
            _at++;
        if (_at == start && _at < _text.Length)
            _at++;
        string name = _text[start.._at];
        if (Spellings.TextCommands.Contains(name))
            Text(name, isFont: false);
        else if (Spellings.FontCommands.Contains(name))
            Text(name, isFont: true);
        else if (Spellings.WrapperCommands.Contains(name))
            _space = true;
        else if (name is "begin" or "end")
            Environment(name);
        else if (Spellings.Commands.TryGetValue(name, out (TokenKind Kind, string Text) known))
            Known(name, known.Kind, known.Text);
        else if (name.Length > 0 && char.IsAsciiLetter(name[0]))
            Add(TokenKind.Symbol, name);
        else
            _space = true;
    }

    private void Known(string name, TokenKind kind, string text)
    {
        if (kind == TokenKind.End)
        {
            _space = true;
            // \left. and \right. draw nothing.
            if (name is "left" or "right" && _at < _text.Length && _text[_at] == '.' && !NumberScanner.StartsAt(_text, _at))
                _at++;
            return;
        }
        Add(kind, text);
        if (kind == TokenKind.Command && text is "frac" or "binom")
            Arguments(2);
        else if (text == "sqrt")
            Arguments(1);
    }

    /// <summary>Arguments without braces are one character each: \frac12 is one half, and so is \frac1{2}.</summary>
    private void Arguments(int count)
    {
        if (++_recursion > Budget.MaxDepth)
            throw new UnreadableException("nested too deeply");
        for (; count > 0; count--)
        {
            while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
                _at++;
            if (_at >= _text.Length || _text[_at] is '[' or '(' or '{')
            {
                if (_at < _text.Length && _text[_at] != '{')
                    break;
                Group();
            }
            else if (char.IsAsciiLetterOrDigit(_text[_at]))
            {
                Add(char.IsAsciiDigit(_text[_at]) ? TokenKind.Number : TokenKind.Symbol, _text[_at].ToString());
                _at++;
            }
            else
            {
                Next();
            }
        }
        _recursion--;
    }

    private void Group()
    {
        int depth = _depth;
        do
        {
            if (_at >= _text.Length)
                return;
            Next();
        }
        while (_depth > depth);
    }

    private void Environment(string name)
    {
        string content = Braced();
        string kind = content.Replace("*", "", StringComparison.Ordinal);
        if (kind.EndsWith("matrix", StringComparison.Ordinal) || kind == "array")
        {
            // The columns of an array are declared in braces.
            if (name == "begin" && kind == "array" && _at < _text.Length && _text[_at] == '{')
                Braced();
            Add(name == "begin" ? TokenKind.Open : TokenKind.Close, kind == "vmatrix" ? "vmatrix" : "matrix");
            return;
        }
        if (kind is not ("cases" or "align" or "aligned" or "equation" or "gather" or "gathered" or "math" or "displaymath"))
            throw new UnreadableException($"unknown environment '{content}'");
        _space = true;
    }

    /// <summary>The content of the braces at the position, which moves behind them.</summary>
    private string Braced()
    {
        while (_at < _text.Length && char.IsWhiteSpace(_text[_at]))
            _at++;
        if (_at >= _text.Length)
            return "";
        if (_text[_at] != '{')
            return _text[_at++].ToString();
        int end = Braces.End(_text, _at);
        if (end < 0)
            throw new UnreadableException("unbalanced braces");
        string content = _text[(_at + 1)..end];
        _at = end + 1;
        return content;
    }

    private void Text(string name, bool isFont)
    {
        int start = _at;
        string raw = Braced();
        string content = TextContent.Clean(raw);
        if (name == "mathbb" && content == "R")
        {
            Add(TokenKind.Symbol, Algebra.Constants.Reals);
            return;
        }
        if (content.Length == 0)
        {
            _space = true;
            return;
        }
        bool isMathematics = content.Length == 1
            ? content[0] != '$' && !IsUnitLetter(content)
            : Spellings.Words.ContainsKey(content) || char.IsAsciiDigit(content[0]) || content[0] is '.' or '-' or '%' or '°'
                || TextContent.StartsWithScale(content) || TextContent.IsConnective(content)
                || (isFont && !content.All(c => char.IsAsciiLetter(c) || c == ' '));
        if (isMathematics && content.Any(c => c is not ('\\' or '{' or '}')) && ++_recursion < Budget.MaxDepth)
            Reread(start, raw, content);
        else
            Add(TokenKind.Text, content);
    }

    /// <summary>Whether a letter in a wrapper is the unit of a value before it: 5 \text{ m}, 20^\circ\text{C}.</summary>
    private bool IsUnitLetter(string letter) => _tokens.Count > 0 && (_tokens[^1].IsOperator("°")
        ? letter is "C" or "F"
        : Units.IsLetter(letter) && _tokens[^1].Kind is TokenKind.Number or TokenKind.Close);

    /// <summary>Reads the content of a wrapper as if it stood there without the wrapper.</summary>
    private void Reread(int start, string raw, string content)
    {
        int end = _at;
        _space = true;
        if (TextContent.IsConnective(content))
        {
            Add(TokenKind.Operator, content.Contains("or", StringComparison.OrdinalIgnoreCase) ? "or" : "and");
        }
        else
        {
            _at = _text.IndexOf(raw, start, StringComparison.Ordinal);
            Run(_at + raw.Length);
        }
        _at = end;
        _space = true;
        _recursion--;
    }
}
