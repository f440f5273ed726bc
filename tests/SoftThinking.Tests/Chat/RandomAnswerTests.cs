using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Chat;

namespace SoftThinking.Tests.Chat;

/// <summary>Tool calls in random answers.</summary>
public class RandomAnswerTests
{
    private const int Answers = 1000;

    [Test]
    public void CallsAreReadFromAnyDivisionIntoTokens([Values(ToolCallSyntax.Hermes, ToolCallSyntax.Llama, ToolCallSyntax.Mistral)] ToolCallSyntax syntax)
    {
        for (int seed = 0; seed < Answers; seed++)
        {
            RandomAnswer answer = new(syntax, seed);
            ParsedAnswer whole = new(syntax, answer.Text), parts = new(syntax, AnswerTokens.Pieces(answer.Text, new Random(seed), 6));
            Assert.That(whole.Content.Trim(), Is.EqualTo(answer.Content.Trim()), () => $"seed {seed}: {answer.Text}");
            Assert.That(whole.Names.Zip(whole.Arguments), Is.EqualTo(answer.Calls), () => $"seed {seed}: {answer.Text}");
            Assert.That(parts.ToString(), Is.EqualTo(whole.ToString()), () => $"seed {seed}: {answer.Text}");
        }
    }

    [Test]
    public void GarbageRemainsText([Values(ToolCallSyntax.Hermes, ToolCallSyntax.Llama, ToolCallSyntax.Mistral)] ToolCallSyntax syntax)
    {
        int calls = 0;
        for (int seed = 0; seed < Answers; seed++)
        {
            Random random = new(seed);
            string garbage = RandomAnswer.Garbage(syntax, random);
            ParsedAnswer whole = new(syntax, garbage), parts = new(syntax, AnswerTokens.Pieces(garbage, random, 6));
            Assert.That(parts.ToString(), Is.EqualTo(whole.ToString()), () => $"seed {seed}: {garbage}");
            if (whole.Count == 0)
                Assert.That(whole.Content, Is.EqualTo(garbage), () => $"seed {seed}");
            calls += whole.Count;
        }
        Assert.That(calls, Is.LessThan(Answers / 10));
    }

    /// <summary>However an answer is cut off, what was passed on of the calls is a beginning of them, and the last alone may be incomplete.</summary>
    [Test]
    public void TruncatedAnswersAreBeginnings([Values(ToolCallSyntax.Hermes, ToolCallSyntax.Llama, ToolCallSyntax.Mistral)] ToolCallSyntax syntax)
    {
        for (int seed = 0; seed < Answers / 25; seed++)
        {
            RandomAnswer answer = new(syntax, seed);
            for (int length = 0; length < answer.Text.Length; length++)
            {
                ParsedAnswer cut = new(syntax, answer.Text[..length]);
                string[] arguments = [.. cut.Arguments];
                Assert.That(arguments.SkipLast(1), Is.EqualTo(answer.Calls.Take(Math.Max(0, arguments.Length - 1)).Select(call => call.Arguments)));
                if (arguments.Length > 0)
                    Assert.That(answer.Calls[arguments.Length - 1].Arguments, Does.StartWith(arguments[^1]));
            }
        }
    }

    [Test]
    public void ArgumentsOfACompleteCallAreAnObject()
    {
        for (int seed = 0; seed < Answers; seed++)
        {
            RandomAnswer answer = new(ToolCallSyntax.Hermes, seed);
            foreach (string arguments in new ParsedAnswer(ToolCallSyntax.Hermes, answer.Text).Arguments)
                Assert.That(JsonElement.Parse(arguments).ValueKind, Is.EqualTo(JsonValueKind.Object));
        }
    }
}
