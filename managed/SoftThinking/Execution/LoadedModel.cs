using Microsoft.Extensions.Logging;
using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>A model on a device with everything that it takes to run steps. All memory is taken here; running takes none.</summary>
internal sealed class LoadedModel : IDisposable
{
    private readonly Stack<IDisposable> _owned = [];
    private readonly DeviceStream? _stream;

    /// <exception cref="InsufficientMemoryException">Weights or cache do not fit; what does not fit was not allocated.</exception>
    public LoadedModel(ITensorSource source, EngineOptions options, ILogger logger)
    {
        try
        {
            ModelConfig config = source.Config;
            Device = Own(DeviceChoice.Open(options, logger));
            FastPrefill = options.FastPrefill ? TellFastPrefill(Device.Query(), logger) : null;
            _stream = Own(new DeviceStream(Device)); // it takes memory of its own, which the plan must not count on
            KvPlan plan = KvPlan.Make(Device, source, options);
            ContextLength = plan.ContextLength;
            ModelWeights weights = Own(ModelWeights.Load(source, options.Weights, Device, _stream, options.LoadProgress));
            Cache = Own(new KvCache(Device, config, plan.Dtype, plan.Blocks));
            Runner = Own(new Runner(Device, _stream, weights, Cache, plan.Limits, fastPrefill: FastPrefill is { InEffect: true }));
            Steps = [Own(new Step(Device, plan.Limits, options.Profile)), Own(new Step(Device, plan.Limits, options.Profile))];
            Limits = plan.Limits;
            Cost = CostOf(weights, plan);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Device Device { get; }

    public KvCache Cache { get; }

    public Runner Runner { get; }

    public RunnerLimits Limits { get; }

    /// <summary>The two that take turns.</summary>
    public Step[] Steps { get; }

    /// <summary>Sums of the steps' times, where they are wanted.</summary>
    public Profiler Profiler { get; } = new();

    /// <summary>Most positions of a sequence.</summary>
    public int ContextLength { get; }

    public ModelCost Cost { get; }

    /// <summary>Null where it was not asked for.</summary>
    public FastPrefill? FastPrefill { get; }

    /// <summary>Waits for what is under way, and frees in the reverse order of making.</summary>
    public void Dispose()
    {
        try
        {
            if (_owned.Count > 0)
                _stream?.Synchronize();
        }
        catch (BackendException)
        {
            // Who ran into it was told; here only the end of the work counts.
        }
        while (_owned.TryPop(out IDisposable? part))
            part.Dispose();
    }

    private static unsafe FastPrefill TellFastPrefill(DeviceInfo info, ILogger logger)
    {
        FastPrefill told = new(info.FastProducts, NativeText.Read(info.Products, DeviceInfo.ProductsBytes));
        if (told.InEffect)
            EngineLog.FastPrefill(logger, told.Note);
        else
            EngineLog.NoFastPrefill(logger, told.Note);
        return told;
    }

    private ModelCost CostOf(ModelWeights weights, KvPlan plan)
    {
        ModelConfig c = weights.Config;
        long layers = 0, bytes = 0;
        foreach (LayerWeights w in weights.Layers)
        {
            foreach (Matrix matrix in (ReadOnlySpan<Matrix>)[w.Qkv, w.Output, w.GateUp, w.Down])
            {
                layers += (long)matrix.Rows * matrix.Cols;
                bytes += BytesOf(matrix);
            }
        }
        return new ModelCost(
            WeightBytes: plan.WeightBytes,
            WeightBytesPerStep: bytes + BytesOf(weights.LmHead),
            KvBytesPerToken: KvCache.Measure(Device, c, plan.Dtype, 1) / KvCache.BlockPositions,
            MultiplyAddsPerToken: layers,
            MultiplyAddsPerSample: (long)c.VocabularySize * c.HiddenSize,
            MultiplyAddsPerPair: 2L * c.Layers * c.Heads * c.HeadDim,
            Products: weights.Layers[0].Qkv.Dtype switch
            {
                NativeDtype.Int8 => ProductFormat.Int8,
                NativeDtype.Bf16 when !Transformer.MultipliesExactly(plan.Dtype) => ProductFormat.Bf16,
                _ => ProductFormat.F32,
            });
    }

    private unsafe long BytesOf(Matrix matrix) => (long)Device.Api->MatrixBytes(matrix.Rows, matrix.Cols, matrix.Dtype);

    private T Own<T>(T part) where T : IDisposable
    {
        _owned.Push(part);
        return part;
    }
}
