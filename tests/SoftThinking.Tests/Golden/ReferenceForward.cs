using SoftThinking.Checkpoints;

namespace SoftThinking.Tests.Golden;

/// <summary>The forward pass of one sequence in f64, written from the formulas: what every backend approximates.</summary>
internal sealed class ReferenceForward(RandomModel model)
{
    private readonly ModelConfig _config = model.Config;

    /// <returns>[tokens, vocabulary]</returns>
    public double[][] Logits(int[] ids)
    {
        int hidden = _config.HiddenSize, vocabulary = _config.VocabularySize;
        double[] table = model.Values("model.embed_tokens.weight", vocabulary, hidden);
        double[][] x = [.. ids.Select(id => table.AsSpan(id * hidden, hidden).ToArray())];
        for (int layer = 0; layer < _config.Layers; layer++)
        {
            string at = $"model.layers.{layer}.";
            Add(x, Attention(Norm(x, at + "input_layernorm"), at + "self_attn."));
            Add(x, FeedForward(Norm(x, at + "post_attention_layernorm"), at + "mlp."));
        }
        return Linear(Norm(x, "model.norm"), _config.TieWordEmbeddings ? "model.embed_tokens" : "lm_head", vocabulary, hidden, bias: false);
    }

    private double[][] Attention(double[][] x, string at)
    {
        int size = _config.HeadDim, group = _config.Heads / _config.KvHeads, hidden = _config.HiddenSize;
        double[][] q = Heads(x, at + "q", _config.Heads), k = Heads(x, at + "k", _config.KvHeads);
        double[][] v = Linear(x, at + "v_proj", _config.KvHeads * size, hidden, _config.QkvBias);
        double[][] mixed = [.. x.Select((_, row) => new double[_config.Heads * size])];
        Parallel.For(0, x.Length * _config.Heads, index =>
        {
            (int row, int head) = (index / _config.Heads, index % _config.Heads);
            int kv = head / group * size;
            double[] weights = [.. Enumerable.Range(0, row + 1).Select(p => Dot(q[row].AsSpan(head * size, size), k[p].AsSpan(kv, size)) / Math.Sqrt(size))];
            double largest = weights.Max(), total = weights.Sum(weight => Math.Exp(weight - largest));
            for (int p = 0; p <= row; p++)
            {
                for (int i = 0; i < size; i++)
                    mixed[row][head * size + i] += Math.Exp(weights[p] - largest) / total * v[p][kv + i];
            }
        });
        return Linear(mixed, at + "o_proj", hidden, _config.Heads * size, _config.OutputBias);
    }

    /// <summary>Queries or keys, normalized where the family does so, and rotated.</summary>
    private double[][] Heads(double[][] x, string name, int heads)
    {
        int size = _config.HeadDim;
        double[] frequencies = _config.Rope.InverseFrequencies(size);
        double[][] all = Linear(x, name + "_proj", heads * size, _config.HiddenSize, _config.QkvBias);
        for (int row = 0; row < all.Length; row++)
        {
            for (int head = 0; head < heads; head++)
            {
                Span<double> one = all[row].AsSpan(head * size, size);
                if (_config.QkNorm)
                    Norm(one, model.Values(name + "_norm.weight", size));
                for (int i = 0; i < size / 2; i++)
                {
                    (double sin, double cos) = Math.SinCos(row * frequencies[i]);
                    (one[i], one[i + size / 2]) = (one[i] * cos - one[i + size / 2] * sin, one[i + size / 2] * cos + one[i] * sin);
                }
            }
        }
        return all;
    }

    private double[][] FeedForward(double[][] x, string at)
    {
        double[][] gate = Linear(x, at + "gate_proj", _config.FfnSize, _config.HiddenSize, bias: false);
        double[][] up = Linear(x, at + "up_proj", _config.FfnSize, _config.HiddenSize, bias: false);
        double[][] product = [.. gate.Select((row, i) => row.Select((value, j) => value / (1 + Math.Exp(-value)) * up[i][j]).ToArray())];
        return Linear(product, at + "down_proj", _config.HiddenSize, _config.FfnSize, bias: false);
    }

    private double[][] Linear(double[][] x, string name, int rows, int cols, bool bias)
    {
        double[] w = model.Values(name + ".weight", rows, cols), b = bias ? model.Values(name + ".bias", rows) : new double[rows];
        double[][] y = [.. x.Select(_ => new double[rows])];
        Parallel.For(0, x.Length, row =>
        {
            for (int i = 0; i < rows; i++)
                y[row][i] = b[i] + Dot(w.AsSpan(i * cols, cols), x[row]);
        });
        return y;
    }

    private double[][] Norm(double[][] x, string name)
    {
        double[] weight = model.Values(name + ".weight", _config.HiddenSize);
        double[][] y = [.. x.Select(row => (double[])row.Clone())];
        foreach (double[] row in y)
            Norm(row, weight);
        return y;
    }

    private void Norm(Span<double> x, double[] weight)
    {
        double scale = 1 / Math.Sqrt(Dot(x, x) / x.Length + _config.NormEpsilon);
        for (int i = 0; i < x.Length; i++)
            x[i] *= scale * weight[i];
    }

    private static void Add(double[][] x, double[][] delta)
    {
        for (int row = 0; row < x.Length; row++)
        {
            for (int i = 0; i < x[row].Length; i++)
                x[row][i] += delta[row][i];
        }
    }

    private static double Dot(ReadOnlySpan<double> a, ReadOnlySpan<double> b)
    {
        double sum = 0;
        for (int i = 0; i < a.Length; i++)
            sum += a[i] * b[i];
        return sum;
    }
}
