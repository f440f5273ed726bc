using SoftThinking.Interop;
using SoftThinking.Tokenization;

namespace SoftThinking.Thinking;

/// <summary>The ids that may be forced on a sequence, and the queues among them.</summary>
/// <param name="Ids">First all that a confident probe forces: a text, the end marker, the text after it. The others end with the same ids, and
/// begin with the marker or behind its first id. Then what concludes a sample, then a marker that is a hint.</param>
/// <param name="MayEnd">Of each id, whether it may end the thinking.</param>
internal sealed record ForcedTexts(int[] Ids, bool[] MayEnd, ForcedQueue End, ForcedQueue Converge, ForcedQueue Conclude, ForcedQueue Exit)
{
    /// <summary>Maximum tokens of a text that is forced or probed.</summary>
    public const int MaxText = 64;

    /// <exception cref="RequestOptionException">A text has too many tokens.</exception>
    public static ForcedTexts Make(SamplingOptions options, ThinkingMarkers markers, Tokenizer tokenizer)
    {
        int[] marker = markers.End?.Ids ?? [];
        int[] after = Encode(tokenizer, options.ThinkEndText, RequestOption.ThinkEndText);
        int[] exit = options.Deer == null ? [] : Encode(tokenizer, options.Deer.ExitText, RequestOption.DeerExitText);
        List<int> ids = [.. exit, .. marker, .. after];
        List<bool> mayEnd = [.. exit.Select(_ => false), .. marker.Select(_ => true), .. after.Select(_ => false)];
        ForcedTexts texts = new([], [], new ForcedQueue { Begin = Math.Min(exit.Length + 1, ids.Count), End = ids.Count }, default, default, new ForcedQueue { End = ids.Count });
        if (options.Strategy is SwiReasoningStrategy { MaxSwitchCount: > 0 } switches)
        {
            ForcedQueue converge = new() { Begin = exit.Length, End = ids.Count };
            if (switches.ConvergenceIsHint)
                converge = Add(marker, marks: false);
            int[] final = Encode(tokenizer, switches.FinalText, RequestOption.FinalText);
            texts = texts with { Converge = converge, Conclude = Add([.. marker, .. final], marks: true) };
        }
        return texts with { Ids = [.. ids], MayEnd = [.. mayEnd] };

        ForcedQueue Add(int[] queue, bool marks)
        {
            int begin = ids.Count;
            ids.AddRange(queue);
            mayEnd.AddRange(queue.Select(_ => marks));
            return new ForcedQueue { Begin = begin, End = ids.Count };
        }
    }

    public void CopyTo(ref SlotSampling sampling)
    {
        (sampling.End, sampling.Converge, sampling.Conclude, sampling.DeerExit) = (End, Converge, Conclude, Exit);
        for (int i = 0; i < Ids.Length; i++)
            sampling.Forced[i] = Ids[i] | (MayEnd[i] ? SlotSampling.MayEnd : 0);
    }

    /// <summary>The ids of a text that follows others.</summary>
    /// <param name="option">The option that has the text.</param>
    /// <exception cref="RequestOptionException">There are too many.</exception>
    public static int[] Encode(Tokenizer tokenizer, string text, RequestOption option)
    {
        int[] ids = tokenizer.EncodeContinuation(text);
        return ids.Length <= MaxText ? ids : throw option.Error($"is {ids.Length} tokens; the maximum is {MaxText}");
    }
}
