using System.Text;
using SoftThinking.Chat;

namespace SoftThinking.Server.Calls;

/// <summary>A whole reply, collected from its events.</summary>
internal sealed class Reply(int choices)
{
    public IReadOnlyList<Choice> Choices { get; } = [.. Enumerable.Range(0, choices).Select(_ => new Choice())];

    public ReplyUsage Usage { get; } = new();

    public void Add(ReplyEvent next)
    {
        Usage.Add(next);
        Choices[next.Choice].Add(next);
    }

    /// <summary>One choice of a reply.</summary>
    public sealed class Choice
    {
        private readonly StringBuilder _reasoning = new(), _content = new(), _text = new();
        private readonly List<ToolCall> _calls = [];

        public GenerationStarted? Start { get; private set; }

        public ReplyEnded? End { get; private set; }

        public List<GeneratedToken> Tokens { get; } = [];

        public string Reasoning => _reasoning.ToString();

        public string Content => _content.ToString();

        /// <summary>All text, as the model wrote it.</summary>
        public string Text => _text.ToString();

        public IReadOnlyList<ToolCall> ToolCalls => _calls;

        public void Add(ReplyEvent next)
        {
            switch (next)
            {
                case ReplyStarted started:
                    Start = started.Start;
                    break;
                case ReplyPiece piece:
                    Add(piece.Delta);
                    break;
                case ReplyEnded ended:
                    End = ended;
                    break;
            }
        }

        private void Add(ChatDelta delta)
        {
            _reasoning.Append(delta.Reasoning);
            _content.Append(delta.Content);
            if (delta.Token is GeneratedToken token)
            {
                Tokens.Add(token);
                _text.Append(token.Text);
            }
            foreach (ToolCallDelta call in delta.ToolCalls)
            {
                if (call.Id != null)
                    _calls.Add(new ToolCall(call.Id, call.Name!));
                _calls[call.Index].Arguments.Append(call.Arguments);
            }
        }
    }

    /// <summary>A tool call of a choice.</summary>
    public sealed record ToolCall(string Id, string Name)
    {
        public StringBuilder Arguments { get; } = new();
    }
}
