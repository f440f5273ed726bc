using System.Text;
using SoftThinking.Chat;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Chat;

/// <summary>What a <see cref="ToolCallParser"/> makes of an answer.</summary>
internal sealed class ParsedAnswer
{
    public const int ToolCalls = 256, CallId = 257, Args = 258, PythonTag = 259, Begin = 260, End = 261; // special tokens

    public static readonly Tokenizer Tokenizer =
        Tokenizer.OfBytes("[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", "<|python_tag|>", "<tool_call>", "</tool_call>");

    private readonly ToolCallParser _parser;
    private readonly StringBuilder _content = new();
    private readonly List<StringBuilder> _calls = [];

    public ParsedAnswer(ToolCallSyntax syntax, IEnumerable<GeneratedToken> tokens)
    {
        _parser = new ToolCallParser(syntax, Tokenizer);
        foreach (GeneratedToken token in tokens)
            Add(calls => _parser.Add(token, calls));
        Add(_parser.Finish);
    }

    public ParsedAnswer(ToolCallSyntax syntax, params IEnumerable<string> pieces)
        : this(syntax, pieces.Select(piece => AnswerTokens.Of(piece)))
    {
    }

    public string Content => _content.ToString();

    public List<string> Names { get; } = [];

    public List<string> Ids { get; } = [];

    public IEnumerable<string> Arguments => _calls.Select(call => call.ToString());

    /// <summary>What each token, and then the end, added.</summary>
    public List<(string Content, List<ToolCallDelta> Calls)> Steps { get; } = [];

    public int Count => _parser.Count;

    /// <summary>The text, then the calls in brackets.</summary>
    public override string ToString() => string.Concat([Content, .. Names.Zip(Arguments, (name, arguments) => $"[{name} {arguments}]")]);

    private void Add(Func<List<ToolCallDelta>, string> read)
    {
        List<ToolCallDelta> calls = [];
        string content = read(calls);
        Steps.Add((content, calls));
        _content.Append(content);
        foreach (ToolCallDelta call in calls)
        {
            if (call.Name != null)
            {
                Names.Add(call.Name);
                Ids.Add(call.Id!);
                _calls.Add(new StringBuilder());
            }
            _calls[call.Index].Append(call.Arguments);
        }
    }
}
