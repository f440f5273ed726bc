using System.Globalization;
using System.Text;

namespace SoftThinking.Chat;

/// <summary>Reads the arguments of a tool call, one JSON object, and passes them on as they arrive.</summary>
internal sealed class ArgumentsReader
{
    private readonly JsonScanner _json = new();
    private readonly StringBuilder _read = new(); // and not yet taken

    public bool IsBegun => _json.Place != JsonPlace.Start;

    public bool IsComplete => _json.Place == JsonPlace.Done;

    /// <summary>Reads a character, and returns whether the object can continue with it.</summary>
    public bool Read(char c)
    {
        bool inString = _json.IsInString, complete = IsComplete;
        if (!_json.Read(c))
            return false;
        if (inString && c < ' ')
            _read.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}");
        else if (IsBegun && !complete)
            _read.Append(c);
        return true;
    }

    /// <summary>Reads a character of an object that is itself written as a JSON string. Surrogates stay escaped, for the other half may be
    /// missing, or arrive with another token.</summary>
    public bool ReadUnescaped(char c) => char.IsSurrogate(c)
        ? string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}").All(Read)
        : Read(c);

    /// <summary>What was read since the last call.</summary>
    public string Take()
    {
        string read = _read.ToString();
        _read.Clear();
        return read;
    }
}
