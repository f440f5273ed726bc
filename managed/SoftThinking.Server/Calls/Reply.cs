using System.Text;
using SoftThinking.Chat;

namespace SoftThinking.Server.Calls;

/// <summary>A whole reply, collected from its events.</summary>
internal sealed class Reply(Call call)
{
    public IReadOnlyList<Choice> Choices { get; } = [.. Enumerable.Range(0, call.Choices).Select(_ => new Choice(call))];

    public ReplyUsage Usage { get; } = new();

    public void Add(ReplyEvent next)
    {
        Usage.Add(next);
        Choices[next.Choice].Add(next);
    }

    /// <summary>One choice of a reply.</summary>
    public sealed class Choice(Call call)
    {
        private readonly ReplyBlocks _blocks = new(call.IncludeReasoning);
        private readonly StringBuilder _text = new();

        public GenerationStarted? Start { get; private set; }

        public ReplyEnded? End { get; private set; }

        public List<GeneratedToken> Tokens { get; } = [];

        /// <summary>Thought, texts and tool calls, in their order.</summary>
        public IReadOnlyList<ReplyBlock> Blocks => _blocks.All;

        public string Reasoning => Join(BlockKind.Thought);

        public string Content => Join(BlockKind.Text);

        /// <summary>All text, as the model wrote it.</summary>
        public string Text => _text.ToString();

        public IEnumerable<ReplyBlock> ToolCalls => Blocks.Where(block => block.Kind == BlockKind.ToolCall);

        public void Add(ReplyEvent next)
        {
            switch (next)
            {
                case ReplyStarted started:
                    Start = started.Start;
                    break;
                case ReplyPiece piece:
                    _blocks.Add(piece.Delta);
                    if (piece.Delta.Token is GeneratedToken token)
                    {
                        Tokens.Add(token);
                        _text.Append(token.Text);
                    }
                    break;
                case ReplyEnded ended:
                    _blocks.End();
                    End = ended;
                    break;
            }
        }

        private string Join(BlockKind kind) => string.Concat(Blocks.Where(block => block.Kind == kind).Select(block => block.Text));
    }
}
