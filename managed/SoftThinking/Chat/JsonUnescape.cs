namespace SoftThinking.Chat;

/// <summary>Reads the content of a valid JSON string character by character.</summary>
internal sealed class JsonUnescape
{
    private const string HexDigits = "0123456789abcdef";

    private bool _escape;
    private int _digits; // of an escape that are still to come
    private int _code;

    /// <summary>The character that is complete with this one; null inside an escape.</summary>
    public char? Read(char c)
    {
        if (_digits > 0)
        {
            _code = _code * 16 + HexDigits.IndexOf(char.ToLowerInvariant(c));
            return --_digits == 0 ? (char)_code : null;
        }
        if (!_escape)
        {
            _escape = c == '\\';
            return _escape ? null : c;
        }
        _escape = false;
        (_digits, _code) = (c == 'u' ? 4 : 0, 0);
        return c switch
        {
            'u' => null,
            'b' => '\b',
            'f' => '\f',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => c,
        };
    }
}
