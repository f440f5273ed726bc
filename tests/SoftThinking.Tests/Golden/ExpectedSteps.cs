using NUnit.Framework;

namespace SoftThinking.Tests.Golden;

/// <summary>What every step of a golden rollout returns.</summary>
internal sealed class ExpectedSteps(GoldenFile file)
{
    private readonly int[] _tokens = file.Read<int>("token"), _counts = file.Read<int>("count"), _ids = file.Read<int>("ids");
    private readonly float[] _weights = file.Read<float>("weights"), _logP1 = file.Read<float>("log_p1"), _logPt = file.Read<float>("log_pt");
    private readonly float[]? _scores = file.Has("scores") ? file.Read<float>("scores") : null;
    private readonly int _columns = file.Columns("ids");
    private readonly byte[] _soft = file.Read<byte>("soft"), _mixed = file.Read<byte>("mixed"), _forced = file.Read<byte>("forced");
    private readonly byte[] _stop = file.Read<byte>("stop"), _switch = file.Read<byte>("switch");
    private readonly Dictionary<string, float[]> _statistics = Statistics.Keys.ToDictionary(name => name, file.Read<float>);

    private static readonly Dictionary<string, Func<TokenRecord, float>> Statistics = new()
    {
        ["entropy"] = r => r.Entropy,
        ["entropy_1"] = r => r.Entropy1,
        ["p_max"] = r => r.PMax,
        ["p_max_1"] = r => r.PMax1,
        ["lse"] = r => r.LogSumExp,
        ["lse_1"] = r => r.LogSumExp1,
        ["confidence"] = r => r.Confidence,
        ["entropy_top20"] = r => r.EntropyTop20,
        ["entropy_kept"] = r => r.EntropyKept,
        ["token_log_p1"] = r => r.TokenLogP1,
        ["log_prob"] = r => r.LogProb,
    };

    public void Check(GeneratedToken got, int step)
    {
        string where = $"step {step}";
        TokenRecord record = got.Record!;
        Assert.That(got.Token.Token, Is.EqualTo(_tokens[step]), where);
        Assert.That(got.Token.Count, Is.EqualTo(_counts[step]), where);
        Assert.That((got.Soft, record.Mixed, record.Forced), Is.EqualTo((_soft[step] != 0, _mixed[step] != 0, _forced[step] != 0)), where);
        Assert.That(record.Stop, Is.EqualTo(StopOf(_stop[step])), where);
        Assert.That((record.Switched, record.Switched && record.Hard), Is.EqualTo((_switch[step] != 0, _switch[step] == 1)), where);
        foreach ((string name, Func<TokenRecord, float> statistic) in Statistics)
            Assert.That(statistic(record), Near(_statistics[name][step], name is "token_log_p1" or "log_prob" or "lse" or "lse_1"), $"{where}, {name}");
        for (int i = 0; i < got.Token.Count; i++)
        {
            int at = step * _columns + i;
            string entry = $"{where}, entry {i}";
            Assert.That(got.Token.Entries[i].Id, Is.EqualTo(_ids[at]), entry);
            Assert.That(got.Token.Entries[i].Weight, Is.EqualTo(_weights[at]).Within(1e-3), entry);
            Assert.That(record.LogP1[i], Near(_logP1[at], logarithm: true), entry);
            Assert.That(record.LogPt[i], Near(_logPt[at], logarithm: true), entry);
            if (_scores != null && record.Scores.Count > 0)
                Assert.That(record.Scores[i], Near(_scores[at], logarithm: true), entry);
        }
        if (_scores != null && record is { Mixed: true, Forced: false })
            Assert.That(record.Scores, Is.Not.Empty, where);
    }

    private static NUnit.Framework.Constraints.IResolveConstraint Near(float expected, bool logarithm) =>
        Is.EqualTo(expected).Within(logarithm ? 2e-3 * (1 + Math.Abs(expected)) : 1e-3);

    private static ThinkingEnd? StopOf(byte stop) => stop switch
    {
        1 => ThinkingEnd.ColdStop,
        2 => ThinkingEnd.Cusum,
        4 => ThinkingEnd.Eat,
        5 => ThinkingEnd.Deer,
        6 => ThinkingEnd.Budget,
        _ => null, // 3 is a low confidence, which finishes the sample
    };
}
