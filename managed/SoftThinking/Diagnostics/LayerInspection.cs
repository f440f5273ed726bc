using System.Globalization;
using SoftThinking.Checkpoints;

namespace SoftThinking.Diagnostics;

/// <summary>Consecutive layers that compute alike.</summary>
/// <param name="First">The first of them, from 0.</param>
/// <param name="Last">The last of them.</param>
/// <param name="Window">Positions that attention sees, the token's own included; null: all.</param>
/// <param name="Rope">The rotary embedding in words, such as "theta 10000, linear, factor 4"; null: there is none.</param>
/// <param name="QkNorm">The norm of queries and keys: "per head" or "of all heads"; null: there is none.</param>
/// <param name="Experts">Experts of the feed-forward network; 0: it is one for all positions.</param>
/// <param name="ExpertsPerToken">Experts that a position uses.</param>
public sealed record LayerInspection(int First, int Last, int? Window, string? Rope, string? QkNorm, int Experts, int ExpertsPerToken)
{
    internal static IReadOnlyList<LayerInspection> RunsOf(ModelConfig config)
    {
        List<LayerInspection> runs = [];
        foreach ((int index, LayerConfig layer) in config.LayerConfigs.Index())
        {
            LayerInspection found = Of(config, layer, index);
            if (runs is [.., LayerInspection last] && last with { First = index, Last = index } == found)
                runs[^1] = last with { Last = index };
            else
                runs.Add(found);
        }
        return runs;
    }

    private static LayerInspection Of(ModelConfig config, LayerConfig layer, int index) => new(
        index, index, layer.Window, config.RopeOf(layer) is RopeConfig rope ? Describe(rope) : null,
        layer.QkNorm switch
        {
            QkNormKind.PerHead => "per head",
            QkNormKind.AllHeads => "of all heads",
            _ => null,
        },
        layer.Experts?.Count ?? 0, layer.Experts?.PerToken ?? 0);

    private static string Describe(RopeConfig rope) => string.Create(CultureInfo.InvariantCulture, $"theta {rope.Theta}")
        + (rope.Scaling is UnscaledRope ? "" : $", {rope.Scaling}")
        + (rope.Part == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $", {rope.Part} of each head"));
}
