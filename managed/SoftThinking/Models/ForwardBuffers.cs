using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Device memory for the intermediate results of a forward pass. Activations unless stated otherwise.</summary>
/// <param name="Residual">[rows, hidden]</param>
/// <param name="Normed">[rows, hidden]</param>
/// <param name="Qkv">[rows, (heads + 2 KV heads) head_dim], heads of the shard</param>
/// <param name="Attention">[rows, heads head_dim], heads of the shard</param>
/// <param name="Delta">[rows, hidden]</param>
/// <param name="Activated">[rows, ffn], columns of the shard; or of experts, see <see cref="ExpertBuffers"/></param>
/// <param name="Angles">For each of the model's rotary embeddings [rows, elements that rotate], f32</param>
/// <param name="Selected">[logit rows, hidden]</param>
/// <param name="Logits">[logit rows, vocabulary], f32</param>
/// <param name="ElementBytes">Of a number of the activations.</param>
/// <param name="Partial">[rows, hidden], f32: a rank's part of a sum; 0 if there is one rank</param>
/// <param name="ShardLogits">[logit rows, ids of the shard], f32; 0 if there is one rank</param>
/// <param name="Experts">Null if no layer has experts</param>
internal sealed record ForwardBuffers(
    nint Residual, nint Normed, nint Qkv, nint Attention, nint Delta, nint Activated, nint[] Angles,
    nint Selected, nint Logits, int ElementBytes, nint Partial, nint ShardLogits, ExpertBuffers? Experts)
{
    /// <param name="rows">Maximum rows of a pass.</param>
    /// <param name="logitRows">Maximum rows of a pass whose logits are computed.</param>
    public static ForwardBuffers Place(DeviceArena arena, ModelShard shard, NativeDtype activations, long rows, long logitRows)
    {
        ModelConfig c = shard.Whole;
        int elementBytes = activations == NativeDtype.F32 ? 4 : 2;
        nint Reserve(long count) => arena.Reserve(count * elementBytes);
        return new ForwardBuffers(
            Residual: Reserve(rows * c.HiddenSize),
            Normed: Reserve(rows * c.HiddenSize),
            Qkv: Reserve(rows * (shard.Heads.Count + 2 * shard.KvHeads.Count) * c.HeadDim),
            Attention: Reserve(rows * shard.Heads.Count * c.HeadDim),
            Delta: Reserve(rows * c.HiddenSize),
            Activated: Reserve(rows * Math.Max(shard.Ffn.Count, ExpertBuffers.ActivatedElements(c))),
            Angles: [.. c.RopeTables.Select(rope => arena.Reserve<float>(rows * rope.Rotated(c.HeadDim)))],
            Selected: Reserve(logitRows * c.HiddenSize),
            Logits: arena.Reserve<float>(logitRows * c.VocabularySize),
            ElementBytes: elementBytes,
            Partial: shard.Ranks > 1 ? arena.Reserve<float>(rows * c.HiddenSize) : 0,
            ShardLogits: shard.Ranks > 1 ? arena.Reserve<float>(logitRows * shard.Ids.Count) : 0,
            Experts: ExpertBuffers.Place(arena, c, rows, elementBytes));
    }
}
