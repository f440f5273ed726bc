using System.Text;

namespace SoftThinking.Chat;

/// <summary>Reads one tool call, {"name": …, "arguments": {…}}, character by character.</summary>
/// <param name="strict">Whether it is a call only if it has arguments, and nothing that calls do not have.</param>
internal sealed class ToolCallReader(bool strict)
{
    private enum Field { None, Key, Name, Arguments, Other }

    private readonly JsonScanner _json = new();
    private readonly ArgumentsReader _arguments = new();
    private readonly StringBuilder _text = new(); // of the key or the name
    private JsonUnescape _unescape = new();
    private Field _field;
    private bool _hasArguments, _areText;

    /// <summary>The tool; null until it is known.</summary>
    public string? Name { get; private set; }

    /// <summary>Whether this is certainly a tool call: its name is known, and its arguments have begun or it is complete.</summary>
    public bool IsCall => Name != null && (_arguments.IsBegun || (IsComplete && (_hasArguments || !strict)));

    public bool IsComplete => _json.Place == JsonPlace.Done;

    public bool HasAllArguments => _arguments.IsComplete;

    /// <summary>Reads a character, and returns whether a tool call can continue with it.</summary>
    public bool Read(char c)
    {
        (JsonPlace place, int depth) = (_json.Place, _json.Depth);
        if (!_json.Read(c))
            return false;
        switch (_field)
        {
            case Field.None:
                if (c == '"') // only a key can begin here
                    Begin(Field.Key);
                return !IsComplete || IsCall;
            case Field.Key:
                return ReadKey(c);
            default:
                bool before = depth == 1 && place is JsonPlace.Colon or JsonPlace.Value && _json is { Depth: 1, Place: JsonPlace.Colon or JsonPlace.Value };
                return before || ReadValue(c, isFirst: depth == 1 && place == JsonPlace.Value);
        }
    }

    /// <summary>The arguments that were read since the last call.</summary>
    public string TakeArguments() => IsComplete && !_arguments.IsBegun ? "{}" : _arguments.Take();

    private void Begin(Field field)
    {
        _text.Clear();
        _unescape = new();
        _field = field;
    }

    private bool ReadKey(char c)
    {
        if (_json.Place != JsonPlace.Colon)
            return AppendText(c);
        string key = _text.ToString();
        Begin(key switch
        {
            "name" => Field.Name,
            "arguments" or "parameters" => Field.Arguments,
            _ => Field.Other,
        });
        bool repeated = (_field == Field.Name && Name != null) || (_field == Field.Arguments && _hasArguments);
        return !repeated && (_field != Field.Other || !strict || key is "type" or "id");
    }

    private bool ReadValue(char c, bool isFirst)
    {
        bool isLast = IsComplete || (_json.Depth == 1 && _json.Place is JsonPlace.AfterValue or JsonPlace.Key);
        bool possible = _field switch
        {
            Field.Name => ReadName(c, isFirst, isLast),
            Field.Arguments => ReadArguments(c, isFirst, isLast),
            _ => true,
        };
        if (isLast)
            _field = Field.None;
        return possible && (!IsComplete || IsCall);
    }

    private bool ReadName(char c, bool isFirst, bool isLast)
    {
        if (isFirst)
            return c == '"';
        if (!isLast)
            return AppendText(c);
        Name = _text.ToString();
        return Name.Length > 0;
    }

    private bool AppendText(char c)
    {
        if (_unescape.Read(c) is char unescaped)
            _text.Append(unescaped);
        return true;
    }

    private bool ReadArguments(char c, bool isFirst, bool isLast)
    {
        if (isFirst)
        {
            (_hasArguments, _areText) = (true, c == '"');
            return c == '{' ? _arguments.Read(c) : c is '"' or 'n';
        }
        if (!_areText)
            return !_arguments.IsBegun || _arguments.Read(c); // else it is null
        if (isLast)
            return !_arguments.IsBegun || _arguments.IsComplete;
        return _unescape.Read(c) is not char unescaped || _arguments.ReadUnescaped(unescaped);
    }
}
