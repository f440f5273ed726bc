namespace SoftThinking.Chat;

/// <summary>Follows one JSON object character by character (RFC 8259). Other than in JSON, strings may contain control characters, which
/// models forget to escape.</summary>
internal sealed class JsonScanner
{
    /// <summary>Most objects and lists within each other, as many as readers of JSON commonly accept.</summary>
    public const int MaxDepth = 64;

    private readonly JsonNumber _number = new();
    private ulong _objects; // a bit for each depth: whether it is an object
    private string _literal = "";
    private int _read; // characters of the literal, or digits of the escape
    private bool _key; // whether the string is a key

    public JsonPlace Place { get; private set; }

    /// <summary>Number of objects and lists that are open.</summary>
    public int Depth { get; private set; }

    public bool IsInString => Place is JsonPlace.String or JsonPlace.Escape or JsonPlace.Hex;

    /// <summary>Reads a character, and returns whether the object can continue with it. After false the scanner must not be used.</summary>
    public bool Read(char c)
    {
        if (Place == JsonPlace.Number)
        {
            if (_number.Read(c))
                return true;
            if (!_number.IsComplete)
                return false;
            Place = JsonPlace.AfterValue;
        }
        if (c is ' ' or '\n' or '\r' or '\t' && !IsInString && Place != JsonPlace.Literal)
            return true;
        return Place switch
        {
            JsonPlace.Start => c == '{' && Open(c),
            JsonPlace.Value => ReadValue(c),
            JsonPlace.FirstItem => c == ']' ? Close(c) : ReadValue(c),
            JsonPlace.FirstKey => c == '}' ? Close(c) : ReadKey(c),
            JsonPlace.Key => ReadKey(c),
            JsonPlace.Colon => c == ':' && To(JsonPlace.Value),
            JsonPlace.AfterValue => c == ',' ? To(IsInObject ? JsonPlace.Key : JsonPlace.Value) : Close(c),
            JsonPlace.String => ReadString(c),
            JsonPlace.Escape => ReadEscape(c),
            JsonPlace.Hex => char.IsAsciiHexDigit(c) && (++_read < 4 || To(JsonPlace.String)),
            JsonPlace.Literal => ReadLiteral(c),
            _ => false,
        };
    }

    private bool IsInObject => (_objects >> (Depth - 1) & 1) != 0;

    private bool To(JsonPlace place)
    {
        Place = place;
        return true;
    }

    private bool ReadValue(char c)
    {
        switch (c)
        {
            case '{' or '[':
                return Open(c);
            case '"':
                _key = false;
                return To(JsonPlace.String);
            case 't' or 'f' or 'n':
                (_literal, _read) = (c == 't' ? "true" : c == 'f' ? "false" : "null", 1);
                return To(JsonPlace.Literal);
            default:
                return _number.Begin(c) && To(JsonPlace.Number);
        }
    }

    private bool ReadKey(char c)
    {
        _key = true;
        return c == '"' && To(JsonPlace.String);
    }

    private bool ReadString(char c) => c switch
    {
        '"' => To(_key ? JsonPlace.Colon : JsonPlace.AfterValue),
        '\\' => To(JsonPlace.Escape),
        _ => true,
    };

    private bool ReadEscape(char c)
    {
        _read = 0;
        return c == 'u' ? To(JsonPlace.Hex) : "\"\\/bfnrt".Contains(c) && To(JsonPlace.String);
    }

    private bool ReadLiteral(char c) => c == _literal[_read] && (++_read < _literal.Length || To(JsonPlace.AfterValue));

    private bool Open(char c)
    {
        if (Depth == MaxDepth)
            return false;
        ulong bit = 1UL << Depth++;
        _objects = c == '{' ? _objects | bit : _objects & ~bit;
        return To(c == '{' ? JsonPlace.FirstKey : JsonPlace.FirstItem);
    }

    private bool Close(char c)
    {
        if (c != (IsInObject ? '}' : ']'))
            return false;
        return To(--Depth == 0 ? JsonPlace.Done : JsonPlace.AfterValue);
    }
}
