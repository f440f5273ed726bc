using SoftThinking.Checkpoints;
using SoftThinking.Interop;

namespace SoftThinking.Models;

/// <summary>Device memory between the operations of a forward pass. Activations unless said otherwise.</summary>
/// <param name="Residual">[rows, hidden]</param>
/// <param name="Normed">[rows, hidden]</param>
/// <param name="Qkv">[rows, (heads + 2 KV heads) head_dim]</param>
/// <param name="Attention">[rows, heads head_dim]</param>
/// <param name="Delta">[rows, hidden]</param>
/// <param name="Activated">[rows, ffn]</param>
/// <param name="Angles">[rows, head_dim], f32</param>
/// <param name="Selected">[logit rows, hidden]</param>
/// <param name="Logits">[logit rows, vocabulary], f32</param>
internal sealed record ForwardBuffers(
    nint Residual, nint Normed, nint Qkv, nint Attention, nint Delta, nint Activated, nint Angles,
    nint Selected, nint Logits)
{
    /// <param name="rows">Most rows of a pass.</param>
    /// <param name="logitRows">Most rows of a pass whose logits are computed.</param>
    public static ForwardBuffers Place(DeviceArena arena, ModelConfig c, NativeDtype activations, long rows, long logitRows)
    {
        int elementBytes = activations == NativeDtype.F32 ? 4 : 2;
        nint Take(long count) => arena.Take(count * elementBytes);
        return new ForwardBuffers(
            Residual: Take(rows * c.HiddenSize),
            Normed: Take(rows * c.HiddenSize),
            Qkv: Take(rows * (c.Heads + 2 * c.KvHeads) * c.HeadDim),
            Attention: Take(rows * c.Heads * c.HeadDim),
            Delta: Take(rows * c.HiddenSize),
            Activated: Take(rows * c.FfnSize),
            Angles: arena.Take<float>(rows * c.HeadDim),
            Selected: Take(logitRows * c.HiddenSize),
            Logits: arena.Take<float>(logitRows * c.VocabularySize));
    }
}
