using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Files;
using SoftThinking.Models;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>A loaded model that generates, for many callers at once. What a request gives does not depend on what runs
/// beside it. All members may be called from any thread.</summary>
public sealed class Engine : IAsyncDisposable
{
    private readonly LoadedModel _model;
    private readonly EngineLoop _loop;
    private readonly EngineOptions _options;
    private readonly Lazy<ChatTemplate?> _template;
    private readonly Lazy<Task> _disposal;

    private Engine(ITensorSource source, Tokenizer tokenizer, Func<ChatTemplate?> template, EngineOptions options)
    {
        (Config, Tokenizer, _options) = (source.Config, tokenizer, options);
        Defaults = source.Generation.WithTokenizerEnd(tokenizer.EndId, Config.VocabularySize);
        _template = new(template);
        ILogger logger = options.Logger ?? NullLogger.Instance;
        if (Defaults.EosIds.IsEmpty)
            EngineLog.NoEndOfText(logger, source.Name);
        _model = new LoadedModel(source, options, logger);
        _loop = new EngineLoop(_model, options, logger, Defaults.EosIds);
        _disposal = new(FreeAsync);
        EngineLog.Loaded(logger, source.Name, _model.Cost.WeightBytes, _model.Cache.Blocks, ContextLength);
    }

    public ModelConfig Config { get; }

    /// <summary>What generation_config.json recommends, and the tokens that end a text.</summary>
    public GenerationDefaults Defaults { get; }

    public Tokenizer Tokenizer { get; }

    /// <summary>Null where the model comes without one. Read when first asked for: raw prompts need none.</summary>
    /// <exception cref="ModelFileException">The file that holds it is broken.</exception>
    /// <exception cref="TemplateException">The template is broken or not supported.</exception>
    public ChatTemplate? Template => _template.Value;

    /// <summary>Most positions of a sequence: the model's limit, or less where the options or the KV cache say so.</summary>
    public int ContextLength => _model.ContextLength;

    /// <summary>What the model takes at least, for whoever measures.</summary>
    public ModelCost Cost => _model.Cost;

    /// <summary>What came of <see cref="EngineOptions.FastPrefill"/>; null where it was not asked for.</summary>
    public FastPrefill? FastPrefill => _model.FastPrefill;

    /// <summary>Where the engine stood after its last step.</summary>
    public EngineStatistics Statistics => _loop.Statistics;

    /// <summary>Where the steps since the last call spent their time; empty without <see cref="EngineOptions.Profile"/>.</summary>
    public IReadOnlyList<StepProfile> TakeProfile() => _model.Profiler.Take();

    /// <summary>Managed memory that the engine's thread allocated so far, in bytes.</summary>
    internal long AllocatedBytes => _loop.AllocatedBytes;

    /// <summary>Loads a Hugging Face checkpoint: a directory, or a .safetensors file with its config.json beside it.</summary>
    /// <exception cref="ModelFileException">A file is missing, broken, or of a kind that this engine does not run.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">Weights or KV cache do not fit.</exception>
    public static Engine Load(string path, EngineOptions? options = null)
    {
        using Checkpoint checkpoint = Checkpoint.Open(path);
        string directory = checkpoint.Directory;
        Tokenizer tokenizer = Tokenizer.Load(directory);
        GiveBackGarbage();
        options ??= new EngineOptions();
        MatrixRecorder recorder = new(checkpoint);
        Engine engine = new(recorder, tokenizer, () => ChatTemplate.Load(directory), options);
        if (options.Logger is ILogger logger && UnusedTensors.Of(checkpoint, recorder.Names) is { Length: > 0 } unused)
            EngineLog.UnusedTensors(logger, directory, unused.Length, HostileText.Quote(unused[0]));
        return engine;
    }

    /// <summary>A model of the given shape with random weights of bf16, for measuring: it takes the time and the memory of
    /// the real one. Its tokenizer knows the 256 bytes and the markers of a thought; other ids have no text.</summary>
    /// <param name="seed">Seed of the weights.</param>
    /// <exception cref="BackendException">The native library cannot be loaded.</exception>
    /// <exception cref="InsufficientMemoryException">Weights or KV cache do not fit.</exception>
    public static Engine LoadRandom(ModelShape shape, EngineOptions? options = null, ulong seed = 0)
    {
        using RandomTensors tensors = new(shape, seed);
        Tokenizer tokenizer = Tokenizer.OfBytes("<think>", "</think>", "<|endoftext|>");
        return new Engine(tensors, tokenizer, () => null, options ?? new EngineOptions());
    }

    /// <summary>Generates, and returns everything when it is done. The request is submitted at once.</summary>
    /// <exception cref="ArgumentException">The prompt is empty or has an id that the model has not; or the text that ends
    /// thinking is not one token.</exception>
    /// <exception cref="GenerationLimitException">The request is larger than a limit, or the queue is full.</exception>
    /// <exception cref="GenerationException">The model gave logits that cannot be sampled, or the engine failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public Task<GenerationResult> GenerateAsync(GenerationRequest request, CancellationToken cancellation = default)
    {
        // Without stop strings only the end is of interest.
        Generation generation = Prepare(request, tellsEveryStep: request.StopStrings.Count > 0);
        _loop.Submit(generation);
        return CollectAsync(generation, cancellation);
    }

    /// <summary>Generates step by step. The request is checked now, and submitted when the first event is asked for; to stop
    /// asking ends it.</summary>
    /// <exception cref="ArgumentException">As <see cref="GenerateAsync"/>; the others too, while events are read.</exception>
    /// <exception cref="GenerationLimitException">The request is larger than a limit.</exception>
    public IAsyncEnumerable<GenerationEvent> StreamAsync(GenerationRequest request, CancellationToken cancellation = default)
    {
        Prepare(request, tellsEveryStep: true);
        return SubmitAndReadAsync(request, cancellation);
    }

    /// <summary>Takes no further requests, and waits until all that were taken have ended. Then there is only disposing.</summary>
    public Task DrainAsync() => _loop.DrainAsync();

    /// <summary>Ends the generations that have not ended, and frees everything.</summary>
    public ValueTask DisposeAsync() => new(_disposal.Value);

    /// <summary>Reading a tokenizer leaves tens of megabytes of garbage, which would stay resident beside the weights: the
    /// collector does not know that they are coming.</summary>
    private static void GiveBackGarbage()
    {
        // Takes milliseconds for a small heap. Of a host that has a large one, the garbage is a small part.
        const long SmallHeap = 256 << 20;
        if (GC.GetTotalMemory(forceFullCollection: false) < SmallHeap)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    private async Task FreeAsync()
    {
        await _loop.StopAsync().ConfigureAwait(false);
        _loop.Dispose();
        _model.Dispose();
    }

    private Generation Prepare(GenerationRequest request, bool tellsEveryStep)
    {
        RequestCheck.Prompt(request, Config.VocabularySize, ContextLength);
        RequestCheck.Limits(request, _options);
        SlotSetup setup = SlotSetup.Make(request, Tokenizer, Config.VocabularySize);
        int most = Math.Min(request.MaxNewTokens ?? int.MaxValue, ContextLength - request.Prompt.Count);
        return new Generation(request, setup, most, tellsEveryStep, _loop.Wake);
    }

    private async IAsyncEnumerable<GenerationEvent> SubmitAndReadAsync(
        GenerationRequest request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Generation generation = Prepare(request, tellsEveryStep: true);
        _loop.Submit(generation);
        await foreach (GenerationEvent next in ReadAsync(generation, cancellation).ConfigureAwait(false))
            yield return next;
    }

    private async Task<GenerationResult> CollectAsync(Generation generation, CancellationToken cancellation)
    {
        var steps = new List<GenerationStep>[generation.Samples.Length];
        var samples = new GeneratedSample[steps.Length];
        for (int i = 0; i < steps.Length; i++)
            steps[i] = [];
        await foreach (GenerationEvent next in ReadAsync(generation, cancellation).ConfigureAwait(false))
        {
            if (next is GenerationStep step)
                steps[step.Sample].Add(step);
            else if (next is GenerationFinished end)
                samples[end.Sample] = new GeneratedSample(steps[end.Sample], end.Reason, end.Usage);
        }
        return new GenerationResult(samples);
    }

    /// <summary>Reads a submitted generation to its end.</summary>
    private async IAsyncEnumerable<GenerationEvent> ReadAsync(
        Generation generation, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(_ => generation.Cancel(), null);
        try
        {
            SampleReader[] readers = [.. generation.Samples.Select(run => new SampleReader(run, Tokenizer))];
            bool more = true;
            while (more)
            {
                more = await generation.WaitAsync(cancellation).ConfigureAwait(false);
                foreach (SampleReader reader in readers)
                {
                    while (reader.TryRead(out GenerationEvent? next))
                    {
                        yield return next;
                        cancellation.ThrowIfCancellationRequested();
                    }
                }
                more &= !readers.All(reader => reader.Ended);
            }
            cancellation.ThrowIfCancellationRequested();
            if (generation.Failure is Exception failure)
                throw failure;
        }
        finally
        {
            generation.Cancel(); // nobody reads on; of no effect at the end
        }
    }
}
