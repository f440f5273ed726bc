using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Tests.Endpoints;

public class ReplyReaderTests
{
    private static SampleResult Read(string message, string more = "", string usage = """{"completion_tokens":10}""") => ReplyReader.Read(
        JsonNode.Parse($$"""{"choices":[{"message":{{message}}{{more}}}],"usage":{{usage}}}""")!.AsObject(), 7);

    [TestCase("""{"content":"<think>a b</think>\n\nc"}""", "a b", "c", "model")]
    [TestCase("""{"content":"a b</think>c"}""", "a b", "c", "model")]
    [TestCase("""{"content":"x<think>a</think>b</think> c"}""", "a</think>b", "c", "model")]
    [TestCase("""{"content":"<think>a b"}""", "a b", "", null)]
    [TestCase("""{"content":"c"}""", "", "c", null)]
    [TestCase("""{"content":""}""", "", "", null)]
    [TestCase("""{"content":null}""", "", "", null)]
    [TestCase("{}", "", "", null)]
    [TestCase("""{"content":"c","reasoning_content":"a"}""", "a", "c", "model")]
    [TestCase("""{"content":"c","reasoning":"a"}""", "a", "c", "model")]
    [TestCase("""{"content":null,"reasoning_content":"a"}""", "a", "", null)]
    [TestCase("""{"content":"<think>a</think>c","reasoning_content":""}""", "a", "c", "model")]
    [TestCase("""{"content":"<think>a</think>c","reasoning_content":null}""", "a", "c", "model")]
    public void Thoughts_AreSeparatedFromTheAnswer(string message, string thinking, string answer, string? end)
    {
        SampleResult sample = Read(message);
        Assert.That((sample.Thinking, sample.Answer, sample.ThinkingEnd, sample.Error), Is.EqualTo((thinking, answer, end, (string?)null)));
        Assert.That((sample.Seed, sample.Tokens), Is.EqualTo((7ul, 10)));
    }

    [TestCase("""{"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":6}}""", 6, 4)]
    [TestCase("""{"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":60}}""", 10, 0)]
    [TestCase("""{"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":-6}}""", 5, 5)]
    [TestCase("""{"completion_tokens":10,"completion_tokens_details":null}""", 5, 5)]
    [TestCase("""{"completion_tokens":2000000000}""", 1000000000, 1000000000)]
    [TestCase("""{"completion_tokens":20000000000}""", 0, 0)]
    [TestCase("""{"completion_tokens":-1}""", 0, 0)]
    [TestCase("""{"completion_tokens":"10"}""", 0, 0)]
    [TestCase("null", 0, 0)]
    [TestCase("[]", 0, 0)]
    public void Tokens_AreCountedAsTheServerSays_ElseByTheShareOfTheText(string usage, int thinking, int answer)
    {
        SampleResult sample = Read("""{"content":"ab","reasoning":"cd"}""", usage: usage);
        Assert.That((sample.ThinkingTokens, sample.AnswerTokens, sample.Error), Is.EqualTo((thinking, answer, (string?)null)));
    }

    [TestCase("", "stop", "model")]
    [TestCase(""","finish_reason":null""", "stop", "model")]
    [TestCase(""","finish_reason":"length","thinking_end":"cold_stop" """, "length", "cold_stop")]
    public void Ends_AreRead(string more, string finish, string end)
    {
        SampleResult sample = Read("""{"content":"ab","reasoning":"cd"}""", more);
        Assert.That((sample.FinishReason, sample.ThinkingEnd), Is.EqualTo((finish, end)));
    }

    [TestCase("{}", "no choice with a message")]
    [TestCase("""{"choices":null}""", "no choice with a message")]
    [TestCase("""{"choices":[]}""", "no choice with a message")]
    [TestCase("""{"choices":[null]}""", "no choice with a message")]
    [TestCase("""{"choices":[{"text":"a"}]}""", "no choice with a message")]
    [TestCase("""{"choices":[{"message":"a"}]}""", "no choice with a message")]
    [TestCase("""{"choices":[{"message":{"content":5}}]}""", "the content of the reply is not text")]
    [TestCase("""{"choices":[{"message":{"content":[{"text":"a"}]}}]}""", "the content of the reply is not text")]
    [TestCase("""{"choices":[{"message":{"content":"a"},"finish_reason":"error"}]}""", "ended the reply with an error")]
    public void AReplyWithoutAnAnswer_IsAFailedSample(string reply, string problem)
    {
        SampleResult sample = ReplyReader.Read(JsonNode.Parse(reply)!.AsObject(), 7);
        Assert.That(sample.Error, Does.Contain(problem));
        Assert.That((sample.Verdict.Outcome, sample.FinishReason, sample.Seed), Is.EqualTo((Outcome.Undecided, "error", 7ul)));
    }
}
