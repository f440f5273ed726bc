using System.Globalization;
using System.Text;

namespace SoftThinking.Templating;

internal enum TokenKind
{
    Text, VariableBegin, VariableEnd, BlockBegin, BlockEnd, Name, String, Integer, Float, Operator, End,
}

/// <param name="Kind">What it is.</param>
/// <param name="Value">Text as written; for strings the decoded text.</param>
/// <param name="Line">Line of its first character, from 1.</param>
internal readonly record struct Token(TokenKind Kind, string Value, int Line)
{
    public bool IsOperator(string value) => Kind == TokenKind.Operator && Value == value;

    public bool IsName(string value) => Kind == TokenKind.Name && Value == value;

    public override string ToString() => Kind switch
    {
        TokenKind.End => "the end of the template",
        TokenKind.Text => "text",
        TokenKind.VariableBegin => "'{{'",
        TokenKind.VariableEnd => "'}}'",
        TokenKind.BlockBegin => "'{%'",
        TokenKind.BlockEnd => "'%}'",
        _ => $"'{Value}'",
    };
}

/// <summary>Splits a template into tokens, applying whitespace control: trim_blocks and lstrip_blocks are on, <c>-</c>
/// strips all whitespace on its side, <c>+</c> keeps it.</summary>
internal sealed class Lexer
{
    private const int MaxName = 1000;

    private static readonly string[] Operators =
    [
        "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=",
        ".", ":", "|", ",", ";",
    ];

    private readonly string _source;
    private readonly string _name;
    private readonly List<Token> _tokens = [];
    private int _position;
    private int _line = 1;

    // Whether the last token ended with a line break, so that the text after it begins a line.
    private bool _atLineStart = true;

    private Lexer(string source, string name) => (_source, _name) = (source, name);

    /// <exception cref="TemplateException">A tag, comment or string is not closed, or a character fits
    /// nowhere.</exception>
    public static List<Token> Tokenize(string source, string name)
    {
        source = source.Replace("\r\n", "\n").Replace('\r', '\n');
        if (source.EndsWith('\n'))
            source = source[..^1];
        Lexer lexer = new(source, name);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (_position < _source.Length)
        {
            int tag = FindTag();
            if (tag < 0)
            {
                AddText(_source[_position..], '\0', '\0');
                AdvanceTo(_source.Length);
                break;
            }
            char kind = _source[tag + 1];
            char sign = tag + 2 < _source.Length && _source[tag + 2] is '-' or '+' ? _source[tag + 2] : '\0';
            AddText(_source[_position..tag], sign, kind);
            AdvanceTo(tag + (sign == '\0' ? 2 : 3));
            if (kind == '#')
                SkipComment();
            else if (kind == '{')
                LexCode(TokenKind.VariableBegin);
            else if (!TryLexRaw())
                LexCode(TokenKind.BlockBegin);
        }
        _tokens.Add(new(TokenKind.End, "", _line));
    }

    private int FindTag()
    {
        for (int i = _source.IndexOf('{', _position); i >= 0 && i + 1 < _source.Length; i = _source.IndexOf('{', i + 1))
        {
            if (_source[i + 1] is '{' or '%' or '#')
                return i;
        }
        return -1;
    }

    /// <summary>Adds the text before a tag. Before a block or a comment that stands first in its line, the
    /// indentation is dropped (lstrip_blocks).</summary>
    private void AddText(string text, char sign, char tag)
    {
        if (sign == '-')
        {
            text = Python.StripEnd(text);
        }
        else if (sign != '+' && tag is '%' or '#')
        {
            int lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _atLineStart) && text.AsSpan(lineStart).IndexOfAnyExcept(Python.Whitespace) < 0)
                text = text[..lineStart];
        }
        if (text.Length > 0)
            _tokens.Add(new(TokenKind.Text, text, _line));
    }

    private void SkipComment()
    {
        int line = _line;
        int end = _source.IndexOf("#}", _position, StringComparison.Ordinal);
        if (end < 0)
            throw Fail(line, "a comment '{#' is not closed by '#}'");
        char sign = end > _position ? _source[end - 1] : '\0';
        AdvanceTo(end + 2);
        FinishTag(sign, trimsNewline: true);
    }

    /// <summary>Whitespace control after a tag; the position is just after it.</summary>
    private void FinishTag(char sign, bool trimsNewline)
    {
        int end = _position;
        if (sign == '-')
        {
            while (end < _source.Length && Python.IsWhitespace(_source[end]))
                end++;
        }
        else if (sign != '+' && trimsNewline && end < _source.Length && _source[end] == '\n')
        {
            end++;
        }
        AdvanceTo(end);
        _atLineStart = _source[end - 1] == '\n';
    }

    private bool TryLexRaw()
    {
        int line = _line;
        if (MatchWordTag(_position, "raw", out char sign) is not int body)
            return false;
        AdvanceTo(body);
        FinishTag(sign, trimsNewline: false);
        for (int i = _source.IndexOf("{%", _position, StringComparison.Ordinal); i >= 0;
             i = _source.IndexOf("{%", i + 2, StringComparison.Ordinal))
        {
            char opening = i + 2 < _source.Length && _source[i + 2] is '-' or '+' ? _source[i + 2] : '\0';
            if (MatchWordTag(i + (opening == '\0' ? 2 : 3), "endraw", out sign) is not int after)
                continue;
            AddText(_source[_position..i], opening, '%');
            AdvanceTo(after);
            FinishTag(sign, trimsNewline: true);
            return true;
        }
        throw Fail(line, "a raw block is not closed by '{% endraw %}'");
    }

    /// <summary>Matches <c> word %}</c> at a position; returns the position after it.</summary>
    private int? MatchWordTag(int at, string word, out char sign)
    {
        sign = '\0';
        at = SkipWhitespace(at);
        if (string.CompareOrdinal(_source, at, word, 0, word.Length) != 0)
            return null;
        at = SkipWhitespace(at + word.Length);
        if (at < _source.Length && _source[at] is '-' or '+')
            sign = _source[at++];
        return string.CompareOrdinal(_source, at, "%}", 0, 2) == 0 ? at + 2 : null;
    }

    private int SkipWhitespace(int at)
    {
        while (at < _source.Length && Python.IsWhitespace(_source[at]))
            at++;
        return at;
    }

    private void LexCode(TokenKind begin)
    {
        int line = _line;
        (string close, TokenKind end) = begin == TokenKind.BlockBegin
            ? ("%}", TokenKind.BlockEnd)
            : ("}}", TokenKind.VariableEnd);
        _tokens.Add(new(begin, "", line));
        Stack<char> open = new();
        while (true)
        {
            AdvanceTo(SkipWhitespace(_position));
            if (_position >= _source.Length)
                throw Fail(line, $"a tag is not closed by '{close}'");

            // Inside brackets '}}' closes two dicts and not the tag.
            if (open.Count == 0 && MatchClose(close, end == TokenKind.BlockEnd, out char sign) is int after)
            {
                _tokens.Add(new(end, "", _line));
                AdvanceTo(after);
                FinishTag(sign, trimsNewline: end == TokenKind.BlockEnd);
                return;
            }
            LexToken(open);
        }
    }

    private int? MatchClose(string close, bool isBlock, out char sign)
    {
        int at = _position;
        sign = _source[at] == '-' || (isBlock && _source[at] == '+') ? _source[at++] : '\0';
        return string.CompareOrdinal(_source, at, close, 0, 2) == 0 ? at + 2 : null;
    }

    private void LexToken(Stack<char> open)
    {
        char first = _source[_position];
        if (char.IsAsciiDigit(first))
            LexNumber();
        else if (first is '"' or '\'')
            LexString(first);
        else if (IsNameCharacter(first))
            LexName();
        else
            LexOperator(open);
    }

    private static bool IsNameCharacter(char c) => char.IsLetterOrDigit(c) || c == '_';

    private void LexName()
    {
        int end = _position;
        while (end < _source.Length && IsNameCharacter(_source[end]))
            end++;
        if (end - _position > MaxName)
            throw Fail(_line, $"a name of more than {MaxName} characters");
        Add(TokenKind.Name, _source[_position..end], end);
    }

    private void LexNumber()
    {
        if (_source[_position] == '0' && _position + 1 < _source.Length && "xXoObB".Contains(_source[_position + 1]))
        {
            int last = _position + 2;
            while (last < _source.Length && (char.IsAsciiLetterOrDigit(_source[last]) || _source[last] == '_'))
                last++;
            Add(TokenKind.Integer, _source[_position..last], last);
            return;
        }
        bool afterDot = _tokens[^1].IsOperator(".");
        int end = SkipDigits(_position);
        bool isFloat = false;
        if (!afterDot && end + 1 < _source.Length && _source[end] == '.' && char.IsAsciiDigit(_source[end + 1]))
        {
            isFloat = true;
            end = SkipDigits(end + 1);
        }
        if (!afterDot && end < _source.Length && _source[end] is 'e' or 'E')
        {
            int digits = end + 1 < _source.Length && _source[end + 1] is '+' or '-' ? end + 2 : end + 1;
            if (digits < _source.Length && char.IsAsciiDigit(_source[digits]))
            {
                isFloat = true;
                end = SkipDigits(digits);
            }
        }
        string digitsOnly = _source[_position..end].Replace("_", "");
        Add(isFloat ? TokenKind.Float : TokenKind.Integer, digitsOnly, end);
        if (end < _source.Length && IsNameCharacter(_source[end]))
            throw Fail(_line, $"a number is followed by '{_source[end]}'");
    }

    private int SkipDigits(int at)
    {
        while (at < _source.Length && (char.IsAsciiDigit(_source[at]) || _source[at] == '_'))
            at++;
        return at;
    }

    private void LexString(char quote)
    {
        int end = _position + 1;
        while (end < _source.Length && _source[end] != quote)
            end += _source[end] == '\\' ? 2 : 1;
        if (end >= _source.Length)
            throw Fail(_line, "a string is not closed");
        Add(TokenKind.String, Unescape(_source[(_position + 1)..end]), end + 1);
    }

    private void LexOperator(Stack<char> open)
    {
        string? found = Array.Find(Operators, o => string.CompareOrdinal(_source, _position, o, 0, o.Length) == 0)
            ?? throw Fail(_line, $"unexpected character '{_source[_position]}'");
        if (found is "(" or "[" or "{")
            open.Push(found[0] switch { '(' => ')', '[' => ']', _ => '}' });
        else if (found is ")" or "]" or "}" && (!open.TryPop(out char wanted) || wanted != found[0]))
            throw Fail(_line, $"unexpected '{found}'");
        Add(TokenKind.Operator, found, _position + found.Length);
    }

    /// <summary>Decodes the escapes of a Python string literal; an unknown escape stays as it is.</summary>
    private string Unescape(string literal)
    {
        if (!literal.Contains('\\'))
            return literal;
        StringBuilder text = new();
        for (int i = 0; i < literal.Length; i++)
        {
            if (literal[i] != '\\')
                text.Append(literal[i]);
            else
                i = AppendEscape(text, literal, i + 1);
        }
        return text.ToString();
    }

    private int AppendEscape(StringBuilder text, string literal, int at)
    {
        const string Plain = "\\'\"abfnrtv";
        const string Meaning = "\\'\"\a\b\f\n\r\t\v";
        char kind = literal[at];
        int plain = Plain.IndexOf(kind);
        int digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (plain >= 0)
            text.Append(Meaning[plain]);
        else if (digits > 0)
            return AppendCodePoint(text, literal, at + 1, digits);
        else if (kind is >= '0' and <= '7')
            return AppendOctal(text, literal, at);
        else if (kind == 'N')
            throw Fail(_line, "the string escape \\N{...} is not supported");
        else if (kind != '\n')
            text.Append('\\').Append(kind);
        return at;
    }

    private int AppendCodePoint(StringBuilder text, string literal, int at, int digits)
    {
        if (at + digits > literal.Length
            || !uint.TryParse(literal.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out uint code)
            || code > 0x10FFFF)
            throw Fail(_line, "a string holds a broken \\x, \\u or \\U escape");
        if (code <= 0xFFFF)
            text.Append((char)code);
        else
            text.Append(char.ConvertFromUtf32((int)code));
        return at + digits - 1;
    }

    private static int AppendOctal(StringBuilder text, string literal, int at)
    {
        int code = 0;
        int end = at;
        while (end < literal.Length && end < at + 3 && literal[end] is >= '0' and <= '7')
            code = code * 8 + (literal[end++] - '0');
        text.Append((char)code);
        return end - 1;
    }

    private void Add(TokenKind kind, string value, int end)
    {
        _tokens.Add(new(kind, value, _line));
        AdvanceTo(end);
    }

    private void AdvanceTo(int position)
    {
        _line += _source.AsSpan(_position, position - _position).Count('\n');
        _position = position;
    }

    private TemplateException Fail(int line, string problem) => new(_name, line, problem);
}
