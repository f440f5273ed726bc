using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using SoftThinking.Chat;
using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Files;
using SoftThinking.Interop.Cuda;
using SoftThinking.Scheduling;
using SoftThinking.Templating;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>A loaded model that generates for many callers at once. The result of a request does not depend on concurrent
/// requests. All members may be called from any thread.</summary>
public sealed class Engine : IAsyncDisposable, IDisposable
{
    private readonly EngineLoop _loop;
    private readonly EngineOptions _options;
    private readonly Lazy<ChatTemplate?> _template;
    private readonly Lazy<ToolCallSyntax> _toolCallSyntax;
    private readonly PromptEncoder _encoder;
    private readonly TokenSets _tokenSets;
    private readonly Lazy<Task> _disposal;

    private Engine(ITensorSource source, LoadedModel model, Tokenizer tokenizer, Func<ChatTemplate?> template, EngineOptions options, ILogger logger)
    {
        (Config, Tokenizer, Model, _options) = (source.Config, tokenizer, model, options);
        Defaults = source.Generation.WithTokenizerEnd(tokenizer.EndId, Config.VocabularySize);
        if (Defaults.EosIds.IsEmpty)
            EngineLog.NoEndOfText(logger, source.Name);
        _template = new(template);
        _toolCallSyntax = new(() => ToolCallDetection.SyntaxOf(Template?.Source));
        _encoder = new PromptEncoder(source.Name, tokenizer, () => _template.Value);
        _tokenSets = new TokenSets(tokenizer);
        _disposal = new(FreeAsync);
        EngineLog.Loaded(logger, source.Name, model.WeightBytes, model.Cache.Blocks, ContextLength);
        // Last: from here on a thread uses the model.
        _loop = new EngineLoop(this, model, options, logger, Defaults.EosIds);
    }

    /// <summary>The model's sizes and kind.</summary>
    public ModelConfig Config { get; }

    /// <summary>The values that generation_config.json recommends, and the tokens that end a text.</summary>
    public GenerationDefaults Defaults { get; }

    /// <summary>The model's tokenizer.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>The model's chat template; null where the model comes without one. Read on first use: raw prompts need none.</summary>
    /// <exception cref="ModelFileException">The file that holds it is broken.</exception>
    /// <exception cref="TemplateException">The template is broken or not supported.</exception>
    public ChatTemplate? Template => _template.Value;

    /// <summary>How the model writes tool calls, as its chat template shows; none where there is no template, or it knows no tools.</summary>
    /// <exception cref="ModelFileException">The file that holds the template is broken.</exception>
    /// <exception cref="TemplateException">The template is broken or not supported.</exception>
    public ToolCallSyntax ToolCallSyntax => _toolCallSyntax.Value;

    /// <summary>Maximum positions of a sequence: the model's limit, or less where the options or the KV cache require it.</summary>
    public int ContextLength => Model.ContextLength;

    /// <summary>A snapshot of the load, taken after the last engine step. It may be read after the engine was disposed, too.</summary>
    public EngineStatistics Statistics => _loop.Statistics;

    /// <summary>The CUstream that the engine computes on, of the primary context of its device; 0 on the CPU. Callers may submit work to it,
    /// and let it wait for events, at any time and from any thread; it lives as long as the engine, or is that of
    /// <see cref="EngineOptions.CudaStream"/>.</summary>
    public nint CudaStream => Model.CudaStream;

    /// <summary>Called with the logits of every engine step that is launched from now on; null for no call. With it, a step is launched as
    /// two graphs in place of one.</summary>
    /// <exception cref="NotSupportedException">Several devices compute the model.</exception>
    public LogitsHook? LogitsHook
    {
        get => _loop.Hook;
        set => _loop.Hook = value == null || Model.Comm == null
            ? value
            : throw new NotSupportedException("a hook on the logits needs an engine on one device: each device of several samples by itself");
    }

    internal LoadedModel Model { get; }

    /// <summary>Managed memory that the engine's thread allocated so far, in bytes.</summary>
    internal long AllocatedBytes => _loop.AllocatedBytes;

    /// <summary>Loads a Hugging Face checkpoint: a directory, or a .safetensors file with its config.json next to it.</summary>
    /// <param name="path">The directory or file. Nothing is downloaded.</param>
    /// <param name="options">How the engine is set up; null for the defaults.</param>
    /// <exception cref="ArgumentNullException">The path is null.</exception>
    /// <exception cref="ModelFileException">A file is missing, broken, or of a kind that this engine does not run.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded, the device does not exist, or it fails.</exception>
    /// <exception cref="InsufficientMemoryException">Weights or KV cache do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The context of the options is longer than the model's, or their KV cache smaller than one block
    /// of this model.</exception>
    public static Engine Load(string path, EngineOptions? options = null) => Load(path, options, CancellationToken.None);

    /// <summary>As <see cref="Load(string, EngineOptions?)"/>, on a thread of its own.</summary>
    /// <param name="path">The directory or file. Nothing is downloaded.</param>
    /// <param name="options">How the engine is set up; null for the defaults.</param>
    /// <param name="cancellation">Ends loading; what was allocated is freed.</param>
    /// <exception cref="ArgumentNullException">The path is null.</exception>
    /// <exception cref="ModelFileException">A file is missing, broken, or of a kind that this engine does not run.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded, the device does not exist, or it fails.</exception>
    /// <exception cref="InsufficientMemoryException">Weights or KV cache do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The context of the options is longer than the model's, or their KV cache smaller than one block
    /// of this model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Task<Engine> LoadAsync(string path, EngineOptions? options = null, CancellationToken cancellation = default) =>
        Task.Factory.StartNew(() => Load(path, options, cancellation), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>Generates, and returns the whole result. The request is submitted before the method returns; all errors come with
    /// the task.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="cancellation">Ends the generation.</param>
    /// <exception cref="ArgumentNullException">The request is null.</exception>
    /// <exception cref="ArgumentException">The prompt is empty; it contains an id outside the vocabulary; an embedding of it cannot be an input
    /// of this model on this device; or a JSON value of a message or of the template's variables has the wrong form.</exception>
    /// <exception cref="RequestOptionException">An option does not fit the model or another option: it contains an id outside the vocabulary; a
    /// text has too many tokens; thinking cannot be ended as the request wants it; the strategy mixes fewer tokens; or too many ids end the
    /// text for a minimum number of tokens.</exception>
    /// <exception cref="ModelFileException">The prompt needs a chat template and the model comes without one, or its file is
    /// broken.</exception>
    /// <exception cref="TemplateException">The chat template is broken, not supported, or fails.</exception>
    /// <exception cref="GenerationLimitException">The request exceeds a limit, or the queue is full.</exception>
    /// <exception cref="GenerationException">The model's logits cannot be sampled, the engine failed, or it is being drained.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public async Task<GenerationResult> GenerateAsync(GenerationRequest request, CancellationToken cancellation = default)
    {
        // Only the end is of interest.
        Generation generation = Submit(Prepare(request), signalsEveryToken: false);
        GenerationAccumulator accumulator = new();
        await foreach (GenerationEvent next in ReadAsync(generation, cancellation).ConfigureAwait(false))
            accumulator.Add(next);
        return accumulator.ToResult();
    }

    /// <summary>Generates token by token. The request is checked now, and submitted when the first event is requested; leaving the
    /// enumeration cancels it. Each enumeration is a generation of its own.</summary>
    /// <param name="request">What to generate.</param>
    /// <param name="cancellation">Ends the generation.</param>
    /// <exception cref="ArgumentNullException">The request is null.</exception>
    /// <exception cref="ArgumentException">As for <see cref="GenerateAsync"/>.</exception>
    /// <exception cref="RequestOptionException">As for <see cref="GenerateAsync"/>.</exception>
    /// <exception cref="ModelFileException">The prompt needs a chat template and the model comes without one, or its file is
    /// broken.</exception>
    /// <exception cref="TemplateException">The chat template is broken, not supported, or fails.</exception>
    /// <exception cref="GenerationLimitException">The request exceeds a limit; or, while events are read, the queue is full.</exception>
    /// <exception cref="GenerationException">While events are read: the model's logits cannot be sampled, the engine failed, or it is
    /// being drained.</exception>
    /// <exception cref="OperationCanceledException">While events are read: cancelled.</exception>
    /// <exception cref="ObjectDisposedException">While events are read: the engine was disposed.</exception>
    public IAsyncEnumerable<GenerationEvent> StreamAsync(GenerationRequest request, CancellationToken cancellation = default) =>
        SubmitAndReadAsync(Prepare(request), cancellation);

    /// <summary>The tokens of a prompt, as a request would use them.</summary>
    /// <exception cref="ArgumentNullException">The prompt is null.</exception>
    /// <exception cref="ArgumentException">A JSON value of a message or of the template's variables has the wrong form; a marker of the
    /// model's thoughts has too many tokens; or the prompt has embeddings, which are no tokens.</exception>
    /// <exception cref="ModelFileException">The prompt needs a chat template and the model comes without one, or its file is
    /// broken.</exception>
    /// <exception cref="TemplateException">The chat template is broken, not supported, or fails.</exception>
    public IReadOnlyList<ConceptToken> Encode(Prompt prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        if (prompt is EmbeddingPrompt)
            throw new ArgumentException("a prompt of embeddings has no tokens", nameof(prompt));
        return _encoder.Encode(prompt, ThinkingMarkers.Resolve(Tokenizer, TemplateSource(prompt), null, null)).Tokens;
    }

    /// <summary>Whether thoughts of the model can be ended with these options, as soft thinking and thinking budgets need it: the options
    /// name the marker that ends a thought, or the model has a known one.</summary>
    /// <exception cref="ArgumentNullException">The options are null.</exception>
    /// <exception cref="ModelFileException">The file of the chat template is broken.</exception>
    /// <exception cref="TemplateException">The chat template is broken or not supported.</exception>
    public bool CanThink(SamplingOptions sampling)
    {
        ArgumentNullException.ThrowIfNull(sampling);
        return sampling.ThinkEnd != null || ThinkingMarkers.Resolve(Tokenizer, Template?.Source, null, null).End != null;
    }

    /// <summary>The request as this model can execute it: where it <see cref="CanThink">cannot think</see>, without soft thinking, thinking
    /// budget, early exits from thoughts and <see cref="GenerationRequest.EndThinking"/>, which the engine would refuse.</summary>
    /// <exception cref="ArgumentNullException">The request is null.</exception>
    /// <exception cref="ModelFileException">The file of the chat template is broken.</exception>
    /// <exception cref="TemplateException">The chat template is broken or not supported.</exception>
    public GenerationRequest Adapt(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        return CanThink(request.Sampling)
            ? request
            : request with { Sampling = request.Sampling with { SoftThinking = false, MaxThinkingTokens = null, Cusum = null, Eat = null, Deer = null }, EndThinking = CancellationToken.None };
    }

    /// <summary>Computes what the model gives each token of a recorded sequence, all of them as a prompt is computed. Other requests run
    /// concurrently; the scores do not depend on them. They have the bits of the <see cref="TokenRecord"/> where this model generated the
    /// sequence on the same kernels and number formats, without <see cref="EngineOptions.FastPrefill"/>, penalties and biases.</summary>
    /// <param name="request">The sequence, and what to score.</param>
    /// <param name="cancellation">Ends the computation.</param>
    /// <exception cref="ArgumentNullException">The request is null.</exception>
    /// <exception cref="ArgumentException">The prompt is empty; an id is outside the vocabulary; the numbers of tokens, temperatures and lists
    /// of ids differ; an embedding of the prompt cannot be an input of this model on this device; a JSON value of a message or of the
    /// template's variables has the wrong form.</exception>
    /// <exception cref="ModelFileException">The prompt needs a chat template and the model comes without one, or its file is
    /// broken.</exception>
    /// <exception cref="TemplateException">The chat template is broken, not supported, or fails.</exception>
    /// <exception cref="GenerationLimitException">The sequence is longer than the context, a token has more entries than the engine's
    /// <see cref="EngineOptions.MaxTopk"/>, or the queue is full.</exception>
    /// <exception cref="GenerationException">The model's logits are not numbers, the engine failed, or it is being drained.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="ObjectDisposedException">The engine was disposed.</exception>
    public async Task<ReplayScores> ScoreAsync(ScoreRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        EncodedPrompt prompt = EncodeChecked(request.Prompt, ThinkingMarkers.Resolve(Tokenizer, TemplateSource(request.Prompt), null, null));
        (PreparedRequest sequence, ScoreTargets targets) = Scoring.Prepare(request, prompt, Config.VocabularySize, ContextLength, _options);
        Generation generation = Submit(sequence, signalsEveryToken: false, targets);
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(_ => generation.Cancel(), null);
        await generation.EndAsync().ConfigureAwait(false);
        return targets.Complete ? Scoring.Read(request, targets) : throw generation.Failure ?? new OperationCanceledException(cancellation);
    }

    /// <summary>Accepts no further requests, and waits until all accepted ones have ended. Then the engine can only be disposed.</summary>
    public Task DrainAsync() => _loop.DrainAsync();

    /// <summary>Ends all generations in progress, and frees everything.</summary>
    public ValueTask DisposeAsync() => new(_disposal.Value);

    /// <summary>Ends all generations in progress, and frees everything. Blocks until that is done.</summary>
    public void Dispose() => _disposal.Value.GetAwaiter().GetResult();

    /// <summary>An engine over any source of weights.</summary>
    internal static Engine Create(
        ITensorSource source, Tokenizer tokenizer, Func<ChatTemplate?> template, EngineOptions options, CancellationToken cancellation = default)
    {
        SafeLogger logger = new(options.Logger);
        LoadedModel model = LoadedModel.Load(source, options, logger, cancellation);
        try
        {
            return new Engine(source, model, tokenizer, template, options, logger);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static Engine Load(string path, EngineOptions? options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(path);
        using Checkpoint checkpoint = Checkpoint.Open(path);
        string directory = checkpoint.Directory;
        Tokenizer tokenizer = Tokenizer.Load(directory);
        Engine engine = Create(checkpoint, tokenizer, () => ChatTemplate.Load(directory), options ?? new EngineOptions(), cancellation);
        if (UnusedTensors.Of(checkpoint) is { Length: > 0 } unused)
            EngineLog.UnusedTensors(new SafeLogger(options?.Logger), directory, unused.Length, HostileText.Quote(unused[0]));
        return engine;
    }

    private async Task FreeAsync()
    {
        await _loop.StopAsync().ConfigureAwait(false);
        _loop.Dispose();
        Model.Dispose();
    }

    private PreparedRequest Prepare(GenerationRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        SamplingOptions sampling = request.Sampling;
        ThinkingMarkers markers = ThinkingMarkers.Resolve(Tokenizer, TemplateSource(request.Prompt), sampling.ThinkStart, sampling.ThinkEnd);
        EncodedPrompt encoded = EncodeChecked(request.Prompt, markers);
        IReadOnlyList<ConceptToken> prompt = encoded.Tokens;
        RequestCheck.Strategy(sampling);
        RequestCheck.Limits(request, prompt, _options);
        SlotSetup setup = SlotSetup.Make(request, encoded.End.State, markers, _tokenSets, Defaults.EosIds, Config.VocabularySize, ContextLength);
        // A long probe keeps the blocks of a window for more rows than a step has.
        int context = Model.Cache.Layout.ContextOf(Model.Cache.Blocks, ContextLength, Math.Max(Model.Limits.Rows, setup.Probes.MaxRows));
        int most = Math.Min(request.MaxNewTokens ?? _options.MaxNewTokens ?? int.MaxValue, context - prompt.Count - setup.Probes.MaxRows);
        return new PreparedRequest(request, encoded, setup, most);
    }

    private EncodedPrompt EncodeChecked(Prompt prompt, ThinkingMarkers markers)
    {
        if (prompt is EmbeddingPrompt embeddings)
            RequestCheck.Length(embeddings.Positions, ContextLength); // before there is a token for each
        EncodedPrompt encoded = _encoder.Encode(prompt, markers);
        RequestCheck.Prompt(encoded.Tokens, Config.VocabularySize, ContextLength);
        RequestCheck.Embeddings(encoded.Embeddings, Model);
        return encoded;
    }

    /// <summary>The source of the chat template. A broken one concerns only prompts that are rendered with it.</summary>
    private string? TemplateSource(Prompt prompt)
    {
        try
        {
            return _template.Value?.Source;
        }
        catch (Exception error) when (prompt is not ChatPrompt && error is TemplateException or ModelFileException)
        {
            return null;
        }
    }

    private Generation Submit(PreparedRequest prepared, bool signalsEveryToken, ScoreTargets? targets = null)
    {
        Generation generation = new(prepared, Tokenizer, signalsEveryToken, _loop.Wake, targets);
        _loop.Submit(generation);
        return generation;
    }

    private async IAsyncEnumerable<GenerationEvent> SubmitAndReadAsync(
        PreparedRequest prepared, [EnumeratorCancellation] CancellationToken cancellation)
    {
        Generation generation = Submit(prepared, signalsEveryToken: true);
        await foreach (GenerationEvent next in ReadAsync(generation, cancellation).ConfigureAwait(false))
        {
            yield return next;
            if (next is GeneratedToken)
                cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Reads a submitted generation to its end. What is complete is returned, whatever happens to the engine meanwhile.</summary>
    private async IAsyncEnumerable<GenerationEvent> ReadAsync(
        Generation generation, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(_ => generation.Cancel(), null);
        using CancellationTokenRegistration end = generation.Request.EndThinking.UnsafeRegister(_ => generation.EndThinking(), null);
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
                        yield return next;
                }
                if (readers.All(reader => reader.Ended))
                    yield break;
                cancellation.ThrowIfCancellationRequested();
            }
            throw generation.Failure ?? new OperationCanceledException(cancellation);
        }
        finally
        {
            generation.Cancel(); // without effect after the end
            if (generation.ReadsMemory)
                await generation.EndAsync().ConfigureAwait(false); // no step reads it any more
        }
    }
}
