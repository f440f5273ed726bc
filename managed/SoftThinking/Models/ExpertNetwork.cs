using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>The feed-forward network of a layer with experts: sum over the experts e of a row of weight_e · down_e(silu(gate_e x) · up_e x).
/// Rows are copied to places in which those of an expert follow one another, so that it is multiplied as a matrix. A rank computes its
/// experts, whole; their sum is the inner node of a tree over all.</summary>
internal static class ExpertNetwork
{
    /// <param name="x">[rows, hidden]</param>
    /// <param name="output">[rows, hidden]: a rank's part of the sum</param>
    /// <param name="outputIsF32">Whether <paramref name="output"/> is f32; otherwise activations.</param>
    /// <param name="exact">Whether inputs of matmuls stay as they are.</param>
    public static void Run(
        DeviceStream stream, ExpertWeights weights, ForwardBuffers buffers, in Batch batch, nint x, nint output, bool outputIsF32, int exact)
    {
        ExpertBuffers b = buffers.Experts!;
        (int rows, int experts, int perRow) = (batch.Rows, weights.Config.Count, weights.Config.PerToken);
        int places = rows * perRow, hidden = weights.Router.Cols;
        // Inputs of the router are never rounded, so that close decisions do not depend on the format of the cache.
        stream.Linear(new() { Rows = rows, X = x, W = weights.Router, Out = b.Logits, OutF32 = 1, Exact = 1 });
        stream.Route(new()
        {
            Rows = rows,
            Experts = experts,
            PerRow = perRow,
            FirstExpert = weights.Held.First,
            Held = weights.Held.Count,
            Normalize = weights.Config.Normalizes ? 1 : 0,
            Logits = b.Logits,
            Positions = batch.Positions,
            Ids = b.Ids,
            Weights = b.Weights,
            Places = b.Places,
            RowOf = b.RowOf,
            GroupExperts = b.GroupExperts,
            GroupPlaces = b.GroupPlaces,
        });
        stream.GatherRows(new() { Rows = places, Cols = hidden, Index = b.RowOf, In = x, Out = b.Rows });
        Multiply(b.Rows, weights.GateUp, buffers.Activated, gated: true);
        Multiply(buffers.Activated, weights.Down, b.Rows, gated: false);
        stream.Combine(new()
        {
            Rows = rows,
            Cols = hidden,
            Experts = experts,
            PerRow = perRow,
            OutF32 = outputIsF32 ? 1 : 0,
            Y = b.Rows,
            Ids = b.Ids,
            Weights = b.Weights,
            Places = b.Places,
            Out = output,
        });

        void Multiply(nint inputs, Matrix w, nint outputs, bool gated) => stream.ExpertLinear(new()
        {
            Places = places,
            Experts = experts,
            Held = weights.Held.Count,
            X = inputs,
            W = w,
            Out = outputs,
            GroupExperts = b.GroupExperts,
            GroupPlaces = b.GroupPlaces,
            Exact = exact,
            Gated = gated ? 1 : 0,
        });
    }
}
