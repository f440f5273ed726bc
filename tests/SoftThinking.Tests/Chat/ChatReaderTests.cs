using System.Text;
using NUnit.Framework;
using SoftThinking.Chat;

namespace SoftThinking.Tests.Chat;

/// <summary>A reply divided into thought, answer and tool calls.</summary>
public class ChatReaderTests
{
    private static readonly string[] Words = ["a", "word", " ", "\n\n", "\t", "", "é", "\u00A0", " end "];

    [Test]
    public void ThoughtAndAnswerAreThoseOfTheSample([Values] ToolCallSyntax syntax)
    {
        for (int seed = 0; seed < 500; seed++)
        {
            Random random = new(seed);
            GeneratedToken[] tokens = [.. Tokens(random, thinking: true), AnswerTokens.Of("</think>", thinking: true, marker: true), .. Tokens(random, thinking: false)];
            GeneratedSample sample = new() { Tokens = tokens, Seed = 0, FinishReason = FinishReason.Stop, Usage = new Usage(0, 0, 0, 0) };
            (string thought, string answer, _) = Read(new ChatReader(ParsedAnswer.Tokenizer, syntax), tokens);
            Assert.That((thought, answer), Is.EqualTo((sample.Thinking, sample.Answer)), () => $"seed {seed}");
        }
    }

    [Test]
    public void CallsAreReadInTheAnswerOnly()
    {
        const string Call = "<tool_call>{\"name\": \"f\", \"arguments\": {}}</tool_call>";
        ChatReader reader = new(ParsedAnswer.Tokenizer, ToolCallSyntax.Hermes);
        (string thought, string answer, List<ToolCallDelta> calls) = Read(reader,
            AnswerTokens.Of($" Say {Call}?", thinking: true), AnswerTokens.Of("</think>", thinking: true, marker: true), AnswerTokens.Of($"\n\nI ask.\n{Call}\n"));
        Assert.That((thought, answer, reader.ToolCalls), Is.EqualTo(($"Say {Call}?", "I ask.", 1)));
        Assert.That(string.Concat(calls.Select(call => call.Name + call.Arguments)), Is.EqualTo("f{}"));
    }

    [Test]
    public void EachTokenHasADelta()
    {
        ChatReader reader = new(ParsedAnswer.Tokenizer, ToolCallSyntax.Hermes);
        GeneratedToken token = AnswerTokens.Of("a <");
        ChatDelta delta = reader.Add(token);
        Assert.That((delta.Token, delta.Content, delta.IsEmpty), Is.EqualTo((token, "a", false)));
        Assert.That(reader.Add(AnswerTokens.Of("tool")).IsEmpty);
        ChatDelta end = reader.Finish();
        Assert.That((end.Token, end.Content), Is.EqualTo(((GeneratedToken?)null, " <tool")));
        Assert.That(() => reader.Add(null!), Throws.ArgumentNullException);
        Assert.That(() => new ChatReader(null!, ToolCallSyntax.None), Throws.ArgumentNullException);
    }

    [Test]
    public void ALevelOfEffortIsABudget()
    {
        GenerationRequest request = GenerationRequest.FromMessages([new("user", "Hi")], new() { ["x"] = 1 });
        Assert.That(ReasoningEffort.Apply(request, "low").Sampling.MaxThinkingTokens, Is.EqualTo(1024));
        Assert.That(ReasoningEffort.Apply(request, "max").Sampling.MaxThinkingTokens, Is.Null);
        GenerationRequest none = ReasoningEffort.Apply(request, ReasoningEffort.None);
        Assert.That(none.Sampling.MaxThinkingTokens, Is.Zero);
        Assert.That(((ChatPrompt)none.Prompt).TemplateVariables!.ToJsonString(), Is.EqualTo("""{"x":1,"enable_thinking":false,"thinking":false}"""));
        Assert.That(() => ReasoningEffort.Apply(request, "huge"), Throws.ArgumentException.With.Message.Contains("minimal, low"));
    }

    private static IEnumerable<GeneratedToken> Tokens(Random random, bool thinking) =>
        Enumerable.Range(0, random.Next(8)).Select(_ => AnswerTokens.Of(Words[random.Next(Words.Length)], thinking: thinking));

    private static (string Thought, string Answer, List<ToolCallDelta> Calls) Read(ChatReader reader, params GeneratedToken[] tokens)
    {
        StringBuilder thought = new(), answer = new();
        List<ToolCallDelta> calls = [];
        foreach (ChatDelta delta in tokens.Select(reader.Add).Append(null).Select(delta => delta ?? reader.Finish()))
        {
            thought.Append(delta.Reasoning);
            answer.Append(delta.Content);
            calls.AddRange(delta.ToolCalls);
        }
        return (thought.ToString(), answer.ToString(), calls);
    }
}
