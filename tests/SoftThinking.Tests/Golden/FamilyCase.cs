using NUnit.Framework;
using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>A sequence of a golden checkpoint and its expected logits.</summary>
internal sealed class FamilyCase : IDisposable
{
    private readonly Checkpoint _checkpoint;
    private readonly ConceptToken[] _tokens;
    private readonly float[] _expected;
    private readonly float[]? _margins;
    private readonly int _entries;

    /// <param name="folder">Of the checkpoint.</param>
    /// <param name="mixed">Whether its inputs are concept tokens; otherwise plain ones.</param>
    public FamilyCase(string folder, bool mixed)
    {
        using GoldenFile file = new(Path.Combine(folder, "expected.safetensors"));
        string ids = mixed ? "mix_indices" : "input_ids", prefix = mixed ? "mix_" : "";
        _entries = mixed ? file.Columns(ids) : 1;
        int[] allIds = file.Read<int>(ids);
        float[] weights = mixed ? file.Read<float>("mix_weights") : [.. allIds.Select(_ => 1f)];
        _tokens = [.. Enumerable.Range(0, allIds.Length / _entries).Select(i => ConceptToken.FromDevice(
            allIds[i * _entries], allIds.AsSpan(i * _entries, _entries), weights.AsSpan(i * _entries, _entries)))];
        _expected = file.Read<float>(prefix + "logits");
        _margins = file.Has(prefix + "router_margin") ? file.Read<float>(prefix + "router_margin") : null;
        _checkpoint = Checkpoint.Open(folder);
    }

    /// <returns>[tokens, vocabulary]</returns>
    public float[] Logits(TestDevice device, KvDtype kv, int chunk, int ranks = 1, WeightFormat format = WeightFormat.Stored)
    {
        using ForwardPass pass = new(device, _checkpoint, kv, _entries, chunk, _tokens.Length, format: format, ranks: ranks);
        List<float> logits = [];
        for (int start = 0; start < _tokens.Length; start += chunk)
            logits.AddRange(pass.Logits(_tokens.AsMemory(start, Math.Min(chunk, _tokens.Length - start)), start));
        return [.. logits];
    }

    /// <summary>Compares logits. A position whose router margin is below <paramref name="routerError"/> may differ: it may have used other
    /// experts, and then so do all that see it, which are not compared.</summary>
    /// <param name="tolerance">Relative to the largest logit.</param>
    public void Check(float[] logits, double tolerance, float routerError)
    {
        double largest = _expected.Max(Math.Abs);
        int vocabulary = _expected.Length / _tokens.Length;
        for (int row = 0; row < _tokens.Length; row++)
        {
            int wrong = Enumerable.Range(row * vocabulary, vocabulary).FirstOrDefault(i => !(Math.Abs(logits[i] - _expected[i]) / largest <= tolerance), -1);
            if (wrong < 0)
                continue;
            if (_margins?[row] < routerError)
                return;
            Assert.Fail($"row {row}, id {wrong % vocabulary}: {logits[wrong]}, expected {_expected[wrong]}");
        }
    }

    public void Dispose() => _checkpoint.Dispose();
}
