using NUnit.Framework;
using SoftThinking.Chat;

namespace SoftThinking.Server.Tests.Calls;

public class ReplyBlocksTests
{
    [Test]
    public void Blocks_FollowTheReply()
    {
        ReplyBlocks blocks = new(withThought: true);
        List<string> changes = [];
        foreach (ChatDelta delta in new ChatDelta[]
        {
            new(Token(0, thinking: true)), new(Token(1, thinking: true)) { Reasoning = "a" }, new(Token(2, thinking: true)), new(Token(3)),
            new(Token(4)) { Content = "b", ToolCalls = [Call(0, "", "c0")] }, new(Token(5)) { ToolCalls = [Call(0, "{")] },
            new(Token(6)) { ToolCalls = [Call(0, "}"), Call(1, "{}", "c1")], Content = "c" }, new(Token(7)),
        })
            changes.AddRange(blocks.Add(delta).Select(Describe));
        changes.AddRange(blocks.End().Select(Describe));
        Assert.Multiple(() =>
        {
            Assert.That(changes, Is.EqualTo(new[]
            {
                "begin 0", "0 'a' 0 1", "0 '' 2", "end 0", "begin 1", "1 'b' 3 4", "end 1", "begin 2", "2 ''", "2 '{' 5", "2 '}' 6", "end 2", "begin 3", "3 'c'", "end 3",
                "begin 4", "4 '{}'", "4 '' 7", "end 4",
            }));
            Assert.That(blocks.All.Select(block => (block.Kind, block.Text, block.CallId)), Is.EqualTo(new[]
            {
                (BlockKind.Thought, "a", ""), (BlockKind.Text, "b", ""), (BlockKind.ToolCall, "{}", "c0"), (BlockKind.Text, "c", ""), (BlockKind.ToolCall, "{}", "c1"),
            }));
            Assert.That(blocks.All.SelectMany(block => block.Tokens).Select(token => token.Token.Token), Is.EqualTo(Enumerable.Range(0, 8)));
        });
    }

    [Test]
    public void Thought_IsLeftOut()
    {
        ReplyBlocks blocks = new(withThought: false);
        List<string> changes = [.. new ChatDelta[] { new(Token(0, thinking: true)) { Reasoning = "a" }, new(Token(1)), new(Token(2)) { Content = "b" } }.SelectMany(blocks.Add).Select(Describe)];
        Assert.That(changes, Is.EqualTo(new[] { "begin 0", "0 'b' 1 2" }));
    }

    [Test]
    public void Tokens_WithoutAnyTextAreNoBlock()
    {
        ReplyBlocks blocks = new(withThought: true);
        Assert.Multiple(() =>
        {
            Assert.That(blocks.Add(new ChatDelta(Token(0))), Is.Empty);
            Assert.That(blocks.End(), Is.Empty);
        });
    }

    private static ToolCallDelta Call(int index, string arguments, string? id = null) => new(index, arguments) { Id = id, Name = id == null ? null : "f" };

    private static GeneratedToken Token(int id, bool thinking = false) =>
        new() { Token = new ConceptToken(id), Text = "", Entropy = 0, Soft = false, Thinking = thinking, Marker = false };

    private static string Describe(BlockChange change) => change switch
    {
        BlockBegun => $"begin {change.Block.Index}",
        BlockEnded => $"end {change.Block.Index}",
        BlockExtended extended => string.Join(' ', extended.Tokens.Select(token => token.Token.Token.ToString(System.Globalization.CultureInfo.InvariantCulture)).Prepend($"{change.Block.Index} '{extended.Text}'")),
        _ => "",
    };
}
