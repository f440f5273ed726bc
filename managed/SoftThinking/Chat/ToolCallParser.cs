using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using SoftThinking.Tokenization;

namespace SoftThinking.Chat;

/// <summary>Separates the tool calls of an answer from its text, as the answer is generated. Text that may belong to a call is held back
/// until that is decided: what is no call, or a malformed one of which nothing was passed on, remains text. A call that breaks off later
/// ends there. The result does not depend on how the answer is divided into tokens, and the work is proportional to its length.</summary>
internal sealed partial class ToolCallParser
{
    private enum State
    {
        /// <summary>In text, or in what may be the mark that begins calls.</summary>
        Text,

        /// <summary>Before the first call.</summary>
        Opening,

        /// <summary>In a name that precedes its arguments.</summary>
        Name,

        /// <summary>In a call.</summary>
        Call,

        /// <summary>After a call, before another one or the end mark.</summary>
        Between,
    }

    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const int LongestHead = 256;

    private readonly ToolCallSyntax _syntax;
    private readonly ToolCallNotation _notation;
    private readonly Dictionary<int, string> _marks; // that are special tokens, which have no text
    private readonly StringBuilder _text = new(); // that is decided
    private readonly StringBuilder _held = new(); // text that is not
    private readonly StringBuilder _head = new(); // a name and the marks after it
    private State _state;
    private bool _marked; // whether a mark announced calls
    private ToolCallReader? _call;
    private bool _named; // whether the call's name precedes it
    private bool _announced; // whether the first piece of the call was passed on
    private string _between = ""; // what follows the call, without white space

    public ToolCallParser(ToolCallSyntax syntax, Tokenizer tokenizer)
    {
        _syntax = syntax;
        _notation = ToolCallNotation.Of(syntax);
        _marks = tokenizer.AddedTokens
            .Where(token => token.IsSpecial && _notation.Marks.Contains(token.Content))
            .ToDictionary(token => token.Id, token => token.Content);
        _state = syntax == ToolCallSyntax.Llama ? State.Opening : State.Text; // the whole answer may be a call
    }

    /// <summary>Number of calls that were begun.</summary>
    public int Count { get; private set; }

    /// <summary>Adds an answer token.</summary>
    /// <param name="calls">Receives the pieces of calls that the token completed.</param>
    /// <returns>The text that it completed.</returns>
    public string Add(GeneratedToken token, List<ToolCallDelta> calls)
    {
        if (_syntax == ToolCallSyntax.None)
            return token.Text;
        if (_marks.TryGetValue(token.Token.Token, out string? mark))
            ReadMark(mark, calls);
        for (int at = 0; at < token.Text.Length;)
            at += _state == State.Text ? ReadText(token.Text.AsSpan(at)) : ReadCharacter(token.Text[at], calls) ? 1 : 0;
        PassOn(calls);
        return TakeText();
    }

    /// <summary>The answer has ended.</summary>
    /// <param name="calls">Receives the pieces of calls that were held back.</param>
    /// <returns>The text that was held back.</returns>
    public string Finish(List<ToolCallDelta> calls)
    {
        if (_state == State.Between)
            _held.Clear(); // a separator, or the beginning of the end mark
        Leave(calls);
        return TakeText();
    }

    private string TakeText()
    {
        string text = _text.ToString();
        _text.Clear();
        return text;
    }

    private bool Hold(char c)
    {
        _held.Append(c);
        return true;
    }

    /// <summary>Ends the call in progress, if there is one; what is held is text, and text follows.</summary>
    private void Leave(List<ToolCallDelta> calls)
    {
        PassOn(calls);
        _call = null;
        _text.Append(_held);
        _held.Clear();
        _state = State.Text;
    }

    /// <summary>Reads a mark that is a special token.</summary>
    private void ReadMark(string mark, List<ToolCallDelta> calls)
    {
        if (mark == _notation.Begin || mark == _notation.End)
            Leave(calls);
        if (mark == _notation.Begin)
            Open();
        else if (_state == State.Name)
            _head.Append(mark);
    }

    private void Open()
    {
        (_state, _marked) = (State.Opening, true);
        _head.Clear();
    }

    /// <summary>Reads text, and returns the number of characters that were used.</summary>
    private int ReadText(ReadOnlySpan<char> text)
    {
        if (_held.Length == 0)
        {
            int at = text.IndexOf(_notation.Begin[0]);
            _text.Append(at < 0 ? text : text[..at]);
            if (at >= 0)
                Hold(text[at]);
            return at < 0 ? text.Length : at + 1;
        }
        if (text[0] != _notation.Begin[_held.Length])
        {
            _text.Append(_held);
            _held.Clear();
            return 0;
        }
        Hold(text[0]);
        if (_held.Length == _notation.Begin.Length)
            Open();
        return 1;
    }

    /// <summary>Reads a character outside of text, and returns whether it was used; if not, the state has changed.</summary>
    private bool ReadCharacter(char c, List<ToolCallDelta> calls) => _state switch
    {
        State.Opening => ReadOpening(c, calls),
        State.Name => ReadName(c, calls),
        State.Call => ReadCall(c, calls),
        _ => ReadBetween(c, calls),
    };

    private bool ReadOpening(char c, List<ToolCallDelta> calls)
    {
        if (char.IsWhiteSpace(c))
            return Hold(c);
        bool list = _head.Length > 0, mistral = _syntax == ToolCallSyntax.Mistral && !list;
        if (c == '{')
        {
            BeginCall();
        }
        else if (mistral && c == '[')
        {
            _head.Append(c);
            return Hold(c);
        }
        else if (mistral && IsOfName(c))
        {
            _state = State.Name;
        }
        else
        {
            Leave(calls);
        }
        return false;
    }

    /// <summary>Reads the name in name[ARGS]{…}, and what is between.</summary>
    private bool ReadName(char c, List<ToolCallDelta> calls)
    {
        if (c == '{' && Head().Match(_head.ToString()) is { Success: true } head)
        {
            BeginCall();
            _named = true;
            foreach (char before in $$"""{"name":"{{head.Groups["name"].Value}}","arguments":""")
                _call!.Read(before);
            return false;
        }
        if (_head.Length < LongestHead && (IsOfName(c) || c is '[' or ']' || (char.IsWhiteSpace(c) && _head[^1] == ']')))
        {
            _head.Append(c);
            return Hold(c);
        }
        Leave(calls);
        return false;
    }

    private void BeginCall()
    {
        _call = new ToolCallReader(strict: !_marked);
        (_state, _named, _announced) = (State.Call, false, false);
    }

    private bool ReadCall(char c, List<ToolCallDelta> calls)
    {
        bool possible = _call!.Read(c);
        if (possible && !_call.IsCall)
            return Hold(c);
        if (_call.IsCall)
            _held.Clear();
        bool complete = _named ? _call.HasAllArguments : possible ? _call.IsComplete : _call.IsCall && _call.HasAllArguments;
        if (possible && !complete)
            return true;
        Leave(calls);
        (_state, _between) = (complete && !_named ? State.Between : State.Text, "");
        return possible;
    }

    private bool ReadBetween(char c, List<ToolCallDelta> calls)
    {
        bool next = _between == "" || _between == _notation.Separator;
        if (next && char.IsWhiteSpace(c))
            return Hold(c);
        if (next && c == '{')
        {
            BeginCall();
            return false;
        }
        string mark = _between + c;
        if (mark == _notation.Separator || (mark != _notation.End && _notation.End.StartsWith(mark, StringComparison.Ordinal)))
        {
            _between = mark;
            return Hold(c);
        }
        if (mark == _notation.End)
            _held.Clear();
        Leave(calls);
        if (mark == _notation.End)
            return true;
        if (_between.Length > 0 && _notation.Begin.StartsWith(_between, StringComparison.Ordinal))
        {
            _text.Length -= _between.Length; // the end mark is missing, and another call follows
            _held.Append(_between);
        }
        return false;
    }

    private void PassOn(List<ToolCallDelta> calls)
    {
        if (_call is not { IsCall: true })
            return;
        if (!_announced)
        {
            calls.Add(new ToolCallDelta(Count++, "") { Id = NewId(), Name = _call.Name });
            _announced = true;
        }
        string arguments = _call.TakeArguments();
        if (arguments.Length > 0)
            calls.Add(new ToolCallDelta(Count - 1, arguments));
    }

    // Mistral's templates insist on nine characters.
    private string NewId() => _syntax == ToolCallSyntax.Mistral
        ? RandomNumberGenerator.GetString(Alphanumeric, 9)
        : "call_" + RandomNumberGenerator.GetString(Alphanumeric, 24);

    private static bool IsOfName(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ':';

    [GeneratedRegex(@"^(?<name>[\w.:-]+)(\[CALL_ID\]\w*)?(\[ARGS\])?\s*$")]
    private static partial Regex Head();
}
