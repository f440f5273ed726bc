using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Json;

namespace SoftThinking.Tests.Json;

/// <summary>Samples and tokens as JSON.</summary>
public class SampleJsonTests
{
    private static readonly GeneratedToken Mixed = new()
    {
        Token = new ConceptToken(7, [new(7, 0.75f), new(12, 0.25f)]),
        Text = "so",
        Entropy = 0.5f,
        Soft = true,
        Thinking = true,
        Marker = false,
        LogProbs = new TokenLogProbs(float.NegativeInfinity, [(7, -0.25f), (12, float.NegativeInfinity)]),
    };

    private static readonly GeneratedSample Sample = new()
    {
        Tokens =
        [
            Mixed with { LogProbs = null },
            Mixed with { Token = new ConceptToken(3), Text = "", Marker = true, Soft = false, ThinkingEnd = ThinkingEnd.ColdStop, LogProbs = null },
            Mixed with { Token = new ConceptToken(5), Text = " 4", Thinking = false, Soft = false, LogProbs = null },
        ],
        Seed = ulong.MaxValue,
        FinishReason = FinishReason.Stop,
        Stop = new StopMatch("}", null),
        Usage = new Usage(PromptTokens: 9, CachedTokens: 8, ThinkingTokens: 2, CompletionTokens: 3),
    };

    [Test]
    public void ATokenHasItsEntries() => Assert.That(Write(json => TokenJson.Write(json, Mixed with { LogProbs = null })), Is.EqualTo(
        """{"token":7,"soft":true,"thinking":true,"marker":false,"entropy":0.5,"ids":[7,12],"probs":[0.75,0.25],"text":"so"}"""));

    [Test]
    public void TheLogarithmOfZeroIsNull() => Assert.That(Write(json => TokenJson.Write(json, Mixed)),
        Does.EndWith(""","log_prob":null,"top_log_probs":[{"id":7,"log_prob":-0.25},{"id":12,"log_prob":null}]}"""));

    [Test]
    public void ARecordIsAnObject()
    {
        TokenRecord record = new()
        {
            Entropy = 1,
            Entropy1 = 2,
            PMax = 3,
            PMax1 = 4,
            LogSumExp = 5,
            LogSumExp1 = 6,
            Confidence = float.PositiveInfinity,
            EntropyTop20 = 8,
            EntropyKept = 9,
            TokenLogP1 = float.NegativeInfinity,
            LogProb = 11,
            LogP1 = [12, float.NegativeInfinity],
            LogPt = [13, 14],
            Scores = [],
            Mixed = true,
            Forced = false,
            Stop = null,
            Hard = false,
            Switched = true,
        };
        const string Numbers = "{'entropy':1,'entropy_1':2,'p_max':3,'p_max_1':4,'lse':5,'lse_1':6,'confidence':null,'entropy_top20':8,'entropy_kept':9,"
            + "'token_log_p1':null,'log_prob':11,'log_p1':[12,null],'log_pt':[13,14],";

        Assert.That(Record(record), Is.EqualTo(Numbers + "'mixed':true,'forced':false,'hard':false,'switched':true}"));
        Assert.That(Record(record with { Scores = [15, 16], Stop = ThinkingEnd.Cusum }), Is.EqualTo(
            Numbers + "'scores':[15,16],'mixed':true,'forced':false,'hard':false,'switched':true,'stop':'cusum'}"));

        static string Record(TokenRecord record) =>
            JsonElement.Parse(Write(json => TokenJson.Write(json, Mixed with { Record = record }))).GetProperty("record").GetRawText().Replace('"', '\'');
    }

    [Test]
    public void ASampleHasItsTextsAndItsEnd() => Assert.That(Write(json => SampleJson.Write(json, Sample)), Is.EqualTo(
        """{"seed":18446744073709551615,"text":"so 4","thinking":"so","answer":"4","finish_reason":"stop","stop_string":"}","thinking_end":"cold_stop","usage":"""
        + """{"prompt_tokens":9,"thinking_tokens":2,"completion_tokens":3}}"""));

    [Test]
    public void ItsTokensAreAnArray() => Assert.That(
        JsonElement.Parse(Write(json => SampleJson.WriteTokens(json, Sample))).GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("token").GetInt32()),
        Is.EqualTo(new[] { 7, 3, 5 }));

    [TestCase(FinishReason.Stop, "stop")]
    [TestCase(FinishReason.Length, "length")]
    [TestCase(FinishReason.ColdStop, "cold_stop")]
    [TestCase(FinishReason.LowConfidence, "low_confidence")]
    public void EveryReasonHasAName(FinishReason reason, string name)
    {
        JsonElement json = JsonElement.Parse(Write(writer => SampleJson.Write(writer, Sample with { FinishReason = reason, Stop = null, Tokens = [] })));

        Assert.That(json.GetProperty("finish_reason").GetString(), Is.EqualTo(name));
        Assert.That(new[] { json.GetProperty("stop_string"), json.GetProperty("thinking_end") }, Is.All.Property("ValueKind").EqualTo(JsonValueKind.Null));
    }

    [Test]
    public void AnInterruptionReplacesTheReason() =>
        Assert.That(Write(json => SampleJson.Write(json, Sample, "cancelled")), Does.Contain("\"finish_reason\":\"cancelled\""));

    private static string Write(Action<Utf8JsonWriter> properties)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream))
        {
            json.WriteStartObject();
            properties(json);
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
