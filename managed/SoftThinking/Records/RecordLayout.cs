using SoftThinking.Checkpoints;
using SoftThinking.Json;

namespace SoftThinking.Records;

/// <summary>What a file of records contains.</summary>
internal static class RecordLayout
{
    public const string FormatKey = "format", Format = "softthinking-record", VersionKey = "version", Version = "1", ModelKey = "model", OptionsKey = "options";

    public const string Scores = "scores"; // the only tensor that may be absent

    /// <summary>The tensors in the order of the file, the widest elements first. Those that end in "_start" have one element more than what they index.</summary>
    public static IReadOnlyList<(string Name, TensorDtype Dtype)> Tensors { get; } =
    [
        .. Of(TensorDtype.I64, "sequence_start", "prompt_start", "entry_start"),
        .. Of(TensorDtype.U64, "seed"),
        .. Of(TensorDtype.I32, "request", "sample", "options", "max_new_tokens", "prompt", "token", "ids"),
        .. Of(TensorDtype.F32, "weights", "log_p1", "log_pt", Scores),
        .. Of(TensorDtype.F32, [.. RecordJson.Statistics.Select(statistic => statistic.Name)]),
        .. Of(TensorDtype.U8, "soft", "mixed", "forced", "stop", "switch", "finished"),
    ];

    /// <summary>What the numbers of "stop" mean.</summary>
    private static readonly ThinkingEnd?[] Stops = [null, ThinkingEnd.ColdStop, ThinkingEnd.Cusum, null, ThinkingEnd.Eat, ThinkingEnd.Deer, ThinkingEnd.Budget];

    /// <summary>What the numbers of "finished" mean.</summary>
    private static readonly FinishReason[] Reasons = [FinishReason.Stop, FinishReason.Length, FinishReason.LowConfidence, FinishReason.ColdStop];

    public static byte CodeOf(ThinkingEnd? stop) => (byte)Math.Max(0, Array.IndexOf(Stops, stop));

    public static byte CodeOf(FinishReason reason) => (byte)Array.IndexOf(Reasons, reason);

    /// <exception cref="FormatException">The code has no meaning.</exception>
    public static ThinkingEnd? StopOf(byte code) => code < Stops.Length ? Stops[code] : throw new FormatException($"stop {code} is unknown");

    /// <exception cref="FormatException">The code has no meaning.</exception>
    public static FinishReason ReasonOf(byte code) => code < Reasons.Length ? Reasons[code] : throw new FormatException($"finished {code} is unknown");

    private static IEnumerable<(string, TensorDtype)> Of(TensorDtype dtype, params string[] names) => names.Select(name => (name, dtype));
}
