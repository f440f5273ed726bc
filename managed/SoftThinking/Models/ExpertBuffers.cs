using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Device memory for layers with experts: what route writes, and the rows in the places of their groups. E experts, k
/// of them a row. With several ranks, each has room for all places: the router decides how many are its own.</summary>
/// <param name="Logits">[rows, E], f32</param>
/// <param name="Ids">[rows, k], int32</param>
/// <param name="Weights">[rows, k], f32</param>
/// <param name="Places">[rows, k], int32</param>
/// <param name="RowOf">[rows k], int32</param>
/// <param name="GroupExperts">[E], int32</param>
/// <param name="GroupPlaces">[E + 1], int32</param>
/// <param name="Rows">[rows k, hidden], activations: first the inputs of the experts, then their outputs</param>
internal sealed record ExpertBuffers(
    nint Logits, nint Ids, nint Weights, nint Places, nint RowOf, nint GroupExperts, nint GroupPlaces, nint Rows)
{
    /// <summary>Inner elements of the experts of a row.</summary>
    public static int ActivatedElements(ModelConfig config) => ExpertsOf(config).Max(experts => (int?)experts.PerToken * experts.FfnSize) ?? 0;

    /// <param name="rows">Maximum rows of a pass.</param>
    /// <returns>Null if no layer has experts.</returns>
    public static ExpertBuffers? Place(DeviceArena arena, ModelConfig config, long rows, int elementBytes)
    {
        ExpertConfig[] layers = [.. ExpertsOf(config)];
        if (layers.Length == 0)
            return null;
        int experts = layers.Max(layer => layer.Count);
        long places = rows * layers.Max(layer => layer.PerToken);
        return new ExpertBuffers(
            Logits: arena.Reserve<float>(rows * experts),
            Ids: arena.Reserve<int>(places),
            Weights: arena.Reserve<float>(places),
            Places: arena.Reserve<int>(places),
            RowOf: arena.Reserve<int>(places),
            GroupExperts: arena.Reserve<int>(experts),
            GroupPlaces: arena.Reserve<int>(experts + 1),
            Rows: arena.Reserve(places * config.HiddenSize * elementBytes));
    }

    private static IEnumerable<ExpertConfig> ExpertsOf(ModelConfig config) =>
        config.LayerConfigs.Select(layer => layer.Experts).OfType<ExpertConfig>();
}
