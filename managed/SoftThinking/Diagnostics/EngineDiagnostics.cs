using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Models;
using SoftThinking.Tokenization;

namespace SoftThinking.Diagnostics;

/// <summary>What benchmarks ask of an engine.</summary>
public static class EngineDiagnostics
{
    /// <summary>A model of the given shape with random bf16 weights, for benchmarks: it needs the time and the memory of the real
    /// one. Its tokenizer has the 256 bytes and the markers of a thought; other ids have no text.</summary>
    /// <param name="shape">Sizes of the model.</param>
    /// <param name="options">How the engine is set up; null for the defaults.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <exception cref="ArgumentNullException">The shape is null.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded, the device does not exist, or it fails.</exception>
    /// <exception cref="InsufficientMemoryException">Weights or KV cache do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The KV cache of the options is smaller than one block of this model.</exception>
    public static Engine LoadRandom(ModelShape shape, EngineOptions? options = null, ulong seed = 0)
    {
        ArgumentNullException.ThrowIfNull(shape);
        using RandomTensors tensors = new(shape.Name, shape.Config, seed);
        Tokenizer tokenizer = Tokenizer.OfBytes("<think>", "</think>", "<|endoftext|>");
        return Engine.Create(tensors, tokenizer, () => null, options ?? new EngineOptions());
    }

    /// <summary>Lower bounds of the model's bytes and multiply-adds on one device: its part of a model that several share. Where the devices
    /// are threads of one CPU, of all of them, as <see cref="MachineRates"/> measures the whole machine.</summary>
    /// <exception cref="ArgumentNullException">The engine is null.</exception>
    public static ModelCost Cost(this Engine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        LoadedModel model = engine.Model;
        ModelShard shard = model.Weights.Shard;
        NativeDtype kvDtype = model.Cache.Layers[0].Dtype;
        int counted = model.Followers is ThreadRanks && !model.Device.Query().OwnMemory ? shard.Ranks : 1;
        Matrix[] projections = MatricesOf(model, MatrixRole.Projection, MatrixRole.Router), experts = MatricesOf(model, MatrixRole.Expert);
        // Of the layers' shares the mean, weighted by their experts' bytes.
        double expertBytes = experts.Sum(matrix => BytesOf(model.Device, matrix)), usedBytes = UsedBytes(model);
        double share = expertBytes > 0 ? usedBytes / expertBytes : 0;
        return new ModelCost(
            WeightBytes: counted * model.WeightBytes,
            WeightBytesPerStep: counted * projections.Append(model.Weights.LmHead).Sum(matrix => BytesOf(model.Device, matrix)),
            KvBytesPerToken: counted * KvCache.BytesPerPosition(model.Device, shard, kvDtype),
            MultiplyAddsPerToken: counted * (projections.Sum(ElementsOf) + (long)(share * experts.Sum(ElementsOf))),
            MultiplyAddsPerSample: (long)counted * shard.Ids.Count * shard.Whole.HiddenSize,
            MultiplyAddsPerPair: 2L * counted * shard.Whole.Layers * shard.Heads.Count * shard.Whole.HeadDim,
            Products: model.Weights.Layers[0].Qkv.Dtype switch
            {
                NativeDtype.Int8 => ProductFormat.Int8,
                NativeDtype.Bf16 or NativeDtype.Fp8 when !Transformer.MultipliesExactly(kvDtype) => ProductFormat.Bf16,
                _ => ProductFormat.F32,
            },
            ExpertBytes: (long)(counted * expertBytes),
            ExpertShare: share)
        {
            Windows = [.. shard.Whole.LayerConfigs.Select(layer => layer.Window)],
        };

        static long ElementsOf(Matrix matrix) => (long)matrix.Rows * matrix.Cols;
    }

    /// <summary>Whether fast prefill is in effect; null where <see cref="EngineOptions.FastPrefill"/> is off.</summary>
    /// <exception cref="ArgumentNullException">The engine is null.</exception>
    public static FastPrefillStatus? FastPrefill(this Engine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return engine.Model.FastPrefill is (bool inEffect, string note) ? new(inEffect, note) : null;
    }

    /// <summary>Where the engine steps since the last call spent their time; empty without <see cref="EngineOptions.Profile"/>.</summary>
    /// <exception cref="ArgumentNullException">The engine is null.</exception>
    public static IReadOnlyList<StepProfile> TakeProfile(this Engine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        return [.. engine.Model.Profiler.Take().Select(step =>
            new StepProfile(step.Decodes, step.Rows, step.Steps, [.. step.Operations.Select(ProfileOf)]))];
    }

    private static OperationProfile ProfileOf(OperationSum sum) =>
        new(sum.Cost.Name, sum.Calls, sum.Seconds, sum.Cost.Bytes, sum.Cost.MultiplyAdds, sum.Cost.Products switch
        {
            NativeDtype.F16 => ProductFormat.F16,
            NativeDtype.Bf16 or NativeDtype.Fp8 => ProductFormat.Bf16,
            NativeDtype.Int8 => ProductFormat.Int8,
            _ => ProductFormat.F32,
        });

    private static Matrix[] MatricesOf(LoadedModel model, params MatrixRole[] roles) =>
        [.. model.Weights.Matrices.Where(matrix => roles.Contains(matrix.Role)).Select(matrix => matrix.Matrix)];

    // Bytes of the experts that a position uses, of those that a rank holds.
    private static double UsedBytes(LoadedModel model) => model.Weights.Layers.Select(layer => layer.Experts).OfType<ExpertWeights>().Sum(experts =>
        (double)experts.Held.Count * experts.Config.PerToken / experts.Config.Count
            * (BytesOf(model.Device, experts.GateUp) + BytesOf(model.Device, experts.Down)));

    private static unsafe long BytesOf(Device device, Matrix matrix) =>
        (long)device.Api->MatrixBytes(matrix.Rows, matrix.Cols, matrix.Dtype);
}
