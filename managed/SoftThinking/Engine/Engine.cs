using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Models;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>A loaded model that generates. One generation at a time.</summary>
public sealed class Engine : IDisposable
{
    private readonly Device _device;
    private readonly DeviceStream _stream;
    private readonly ModelWeights _weights;
    private readonly NativeDtype _kvDtype;

    private readonly Lazy<ChatTemplate?> _template;

    private Engine(Checkpoint checkpoint, Tokenizer tokenizer, Device device, EngineOptions options)
    {
        (Config, Defaults, Tokenizer, _device) = (checkpoint.Config, checkpoint.Generation, tokenizer, device);
        string directory = checkpoint.Directory;
        _template = new(() => ChatTemplate.Load(directory));
        _kvDtype = options.KvDtype == KvDtype.F32 ? NativeDtype.F32 : NativeDtype.Bf16;
        RequireMemory(device, ModelWeights.Measure(checkpoint, device), "the weights");
        _stream = new DeviceStream(device);
        try
        {
            _weights = ModelWeights.Load(checkpoint, device, _stream, options.LoadProgress);
        }
        catch
        {
            _stream.Dispose();
            throw;
        }
    }

    public ModelConfig Config { get; }

    /// <summary>What generation_config.json recommends.</summary>
    public GenerationDefaults Defaults { get; }

    public Tokenizer Tokenizer { get; }

    /// <summary>Null where the model comes without one. Read when first asked for: raw prompts need none.</summary>
    /// <exception cref="ModelFileException">The file that holds it is broken.</exception>
    /// <exception cref="TemplateException">The template is broken or not supported.</exception>
    public ChatTemplate? Template => _template.Value;

    /// <summary>Loads a Hugging Face checkpoint: a directory, or a .safetensors file with its config.json beside it.</summary>
    /// <exception cref="ModelFileException">A file is missing, broken, or of a kind that this engine does not run.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">The weights do not fit; nothing was allocated.</exception>
    public static Engine Load(string path, EngineOptions? options = null)
    {
        options ??= new EngineOptions();
        using Checkpoint checkpoint = Checkpoint.Open(path);
        Tokenizer tokenizer = Tokenizer.Load(checkpoint.Directory);
        Device device = Device.Open(Backend.Cpu, options.Threads);
        try
        {
            return new Engine(checkpoint, tokenizer, device, options);
        }
        catch
        {
            device.Dispose();
            throw;
        }
    }

    /// <summary>Generates step by step, as the caller asks for the next one.</summary>
    /// <exception cref="ArgumentException">The prompt is empty, too long for the model, or has an id that the model has
    /// not; or the text that ends thinking is not one token.</exception>
    /// <exception cref="InsufficientMemoryException">The KV cache does not fit; nothing was allocated.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; steps already given stay valid.</exception>
    /// <exception cref="GenerationException">The model gave logits that cannot be sampled.</exception>
    public IEnumerable<GenerationStep> Generate(GenerationRequest request, CancellationToken cancellation = default)
    {
        CheckPrompt(request.Prompt);
        SlotSetup setup = SlotSetup.Make(request, Tokenizer, Config.VocabularySize);
        int most = Math.Min(request.MaxNewTokens ?? int.MaxValue, Config.MaxPositions - request.Prompt.Count);
        return Run(request, setup, most, cancellation);
    }

    public void Dispose()
    {
        _weights.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    private IEnumerable<GenerationStep> Run(
        GenerationRequest request, SlotSetup setup, int most, CancellationToken cancellation)
    {
        int blocks = KvCache.BlocksFor(request.Prompt.Count + most), entries = request.Sampling.MaxTopk;
        int chunk = Math.Min(request.Prompt.Count, Runner.MaxChunk);
        RequireMemory(
            _device,
            KvCache.Measure(_device, Config, _kvDtype, blocks)
                + Runner.Measure(_device, Config, blocks, entries, chunk, 1, request.Sampling.Penalizes),
            $"{request.Prompt.Count + most} positions");
        using KvCache cache = new(_device, Config, _kvDtype, blocks);
        using Runner runner = new(_device, _stream, _weights, cache, entries, chunk, 1, request.Sampling.Penalizes);
        int[] heads = [.. request.Prompt.Select(token => token.Head)];
        runner.Begin(setup.Sampling, setup.State, setup.Penalties, heads);
        ConceptToken[] prompt = [.. request.Prompt];
        for (int start = 0; start < prompt.Length; start += chunk)
        {
            cancellation.ThrowIfCancellationRequested();
            runner.Prefill(prompt.AsSpan(start, Math.Min(chunk, prompt.Length - start)), start, 1);
        }
        StreamingDecoder decoder = new(Tokenizer, skipSpecialTokens: true);
        ThoughtTracker thought = new(Tokenizer, request.Prompt, request.Sampling.SoftThinking, setup.ThinkEndId);
        for (int step = 0; ; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            GenerationStep result = Read(runner.Sample(), step, last: step + 1 == most, decoder, thought);
            yield return result;
            if (result.FinishReason != null)
                yield break;
            runner.Decode(prompt.Length + step);
        }
    }

    private GenerationStep Read(SampledStep sampled, int step, bool last, StreamingDecoder decoder, ThoughtTracker thought)
    {
        if (sampled.Flags.HasFlag(StepFlags.BadLogits))
            throw new GenerationException($"step {step}: the model's logits hold NaN or infinity, or no finite value");
        int used = sampled.Weights.AsSpan().IndexOf(0f);
        Range kept = ..(used < 0 ? sampled.Weights.Length : used);
        ConceptToken token = new([.. sampled.Ids[kept]], [.. sampled.Weights[kept]]);
        FinishReason? finish =
            Defaults.EosIds.Contains(token.Head) ? FinishReason.Stop
            : sampled.Flags.HasFlag(StepFlags.Finished) ? FinishReason.ColdStop
            : last ? FinishReason.Length
            : null;
        (bool thinking, bool marker) = thought.Append(token.Head);
        string text = finish == FinishReason.Stop ? "" : decoder.Append(token.Head);
        return new GenerationStep
        {
            Token = token,
            Text = finish is null ? text : text + decoder.Flush(),
            Entropy = sampled.Entropy,
            Soft = sampled.Flags.HasFlag(StepFlags.Soft),
            Thinking = thinking,
            Marker = marker,
            ThinkingEnd = thinking && !thought.Thinking ? ThoughtTracker.EndOf(sampled.Flags) : null,
            FinishReason = finish,
        };
    }

    private void CheckPrompt(IReadOnlyList<ConceptToken> prompt)
    {
        if (prompt.Count == 0)
            throw new ArgumentException("the prompt is empty");
        if (prompt.Count >= Config.MaxPositions)
        {
            throw new ArgumentException(
                $"the prompt has {prompt.Count} tokens; the model's context of {Config.MaxPositions} must hold it and an answer");
        }
        for (int i = 0; i < prompt.Count; i++)
        {
            foreach (int id in prompt[i].Ids)
            {
                if (id < 0 || id >= Config.VocabularySize)
                    throw new ArgumentException($"the prompt's token {i} has id {id}; the model's vocabulary ends at {Config.VocabularySize - 1}");
            }
        }
    }

    private static void RequireMemory(Device device, long bytes, string what)
    {
        long free = (long)device.Query().FreeMemory;
        if (bytes > free)
            throw new InsufficientMemoryException($"not enough memory: {what} need {Size(bytes)}, {Size(free)} are free");

        static string Size(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:N1} MiB");
    }
}
