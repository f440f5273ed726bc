using System.Text.Json;
using System.Text.Json.Serialization;
using SoftThinking.Checkpoints;

namespace SoftThinking.Execution;

/// <summary>What the first rank has the others load: a model, and the options that determine what a rank holds and computes.</summary>
internal sealed record RankOrder(ModelOrigin Origin, RankOptions Options)
{
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, RankJson.Default.RankOrder);

    public static RankOrder Parse(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize(json, RankJson.Default.RankOrder)!;
}

/// <summary>The options of an engine that its other ranks need.</summary>
internal sealed record RankOptions(
    ComputeDevice Device, int DeviceOrdinal, int Threads, WeightFormat Weights, KvDtype KvDtype, bool FastPrefill, bool BlockingWaits,
    int MaxSequences, int StepTokens, long? KvCacheBytes, int? ContextLength, int MaxTopk, string? BackendLibrary, string? Activations)
{
    public static RankOptions Of(EngineOptions o) => new(
        o.Device, o.DeviceOrdinal, o.Threads, o.Weights, o.KvDtype, o.FastPrefill, o.BlockingWaits, o.MaxSequences, o.StepTokens, o.KvCacheBytes,
        o.ContextLength, o.MaxTopk, o.BackendLibrary, o.Activations);

    public EngineOptions ToEngineOptions() => new()
    {
        Device = Device,
        DeviceOrdinal = DeviceOrdinal,
        Threads = Threads,
        Weights = Weights,
        KvDtype = KvDtype,
        FastPrefill = FastPrefill,
        BlockingWaits = BlockingWaits,
        MaxSequences = MaxSequences,
        StepTokens = StepTokens,
        KvCacheBytes = KvCacheBytes,
        ContextLength = ContextLength,
        MaxTopk = MaxTopk,
        BackendLibrary = BackendLibrary,
        Activations = Activations,
    };
}

[JsonSerializable(typeof(RankOrder))]
[JsonSerializable(typeof(RankReport))]
internal sealed partial class RankJson : JsonSerializerContext;
