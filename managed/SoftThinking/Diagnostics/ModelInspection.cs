using System.Collections.Immutable;
using SoftThinking.Cache;
using SoftThinking.Checkpoints;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Models;
using SoftThinking.Templating;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking.Diagnostics;

/// <summary>What a checkpoint holds, and what it needs to run; found without loading the weights. Anything that would be an
/// error while loading is an error here, such as a missing tensor.</summary>
public sealed record ModelInspection
{
    private static readonly EngineOptions OneSequence = new() { MaxSequences = 1 };

    private ModelInspection()
    {
    }

    /// <summary>The model's sizes and kind.</summary>
    public required ModelConfig Config { get; init; }

    /// <summary>What generation_config.json recommends, and the tokens that end a text. Where there are none, generation runs
    /// to its limit, unless a stop string ends it.</summary>
    public required GenerationDefaults Defaults { get; init; }

    /// <summary>The model's tokenizer.</summary>
    public required Tokenizer Tokenizer { get; init; }

    /// <summary>The scaling of the rotary embedding in words, such as "linear, factor 4"; "none" where there is none.</summary>
    public required string RopeScaling { get; init; }

    /// <summary>The experts of the layers in words; null where there are none.</summary>
    public required string? Experts { get; init; }

    /// <summary>The kind of tokenizer, in words.</summary>
    public string TokenizerKind => Tokenizer.Kind;

    /// <summary>Number of different pairs that the tokenizer merges.</summary>
    public int Merges => Tokenizer.MergeCount;

    /// <summary>The tokens that are recognized in a text as a whole, with their ids; those of tokenizer.json first.</summary>
    public IReadOnlyList<(string Text, int Id)> AddedTokens => [.. Tokenizer.AddedTokens.Select(token => (token.Content, token.Id))];

    /// <summary>The normalization of text before it is split: "NFC" or "none".</summary>
    public string Normalizer => Tokenizer.Normalizer;

    /// <summary>The rule that cuts text into words: "Qwen2", "Llama 3", "GPT-2", or the patterns.</summary>
    public string PreTokenizer => Tokenizer.PreTokenizer;

    /// <summary>The chat template; null where the model comes without one.</summary>
    public required ChatTemplate? Template { get; init; }

    /// <summary>Marker that ends a thought; null where none is known, and soft thinking needs one to be named.</summary>
    public required string? ThinkEnd { get; init; }

    /// <summary>Tokens of <see cref="ThinkEnd"/>; 0 where none is known.</summary>
    public required int ThinkEndTokens { get; init; }

    /// <summary>Whether the prompt that the chat template writes opens the thought; null where there is no template, or it refuses a
    /// conversation of one question.</summary>
    public required bool? OpensThought { get; init; }

    /// <summary>Elements of all stored tensors but scales; of matrices in 8-bit blocks, those of the matrices.</summary>
    public required long Parameters { get; init; }

    /// <summary>Number formats of the stored tensors, as safetensors files name them, in alphabetical order; INT8_BLOCKS for
    /// matrices of 8-bit blocks (see <see cref="ModelQuantization"/>).</summary>
    public required ImmutableArray<string> Dtypes { get; init; }

    /// <summary>How matrices are stored, in words: the format of those of the layers, with their quantization, then the embedding and the LM
    /// head.</summary>
    public required string Format { get; init; }

    /// <summary>Bits of all stored tensors, scales included, for each of <see cref="Parameters"/>.</summary>
    public double BitsPerWeight => 8.0 * StoredBytes / Parameters;

    /// <summary>What the layers compute, in their order: layers that are alike and follow one another are one entry.</summary>
    public required IReadOnlyList<LayerInspection> Layers { get; init; }

    /// <summary>Stored tensors that the model does not use, in alphabetical order; without those that are known to mean
    /// nothing, such as an LM head stored next to tied embeddings.</summary>
    public required ImmutableArray<string> UnusedTensors { get; init; }

    /// <summary>Bytes of all stored tensors.</summary>
    public required long StoredBytes { get; init; }

    /// <summary>Bytes of the weights in memory, packed.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of keys and values of one position.</summary>
    public required long KvBytesPerToken { get; init; }

    /// <summary>Bytes of keys and values that a text of the full context holds at once: of layers with a window, those of the window and of a
    /// step of the prompt.</summary>
    public required long KvBytes { get; init; }

    /// <summary>Bytes of everything else while one text of the full context is generated, with default options otherwise.</summary>
    public required long WorkBytes { get; init; }

    /// <summary>What each device holds and needs; one where the model is not divided. All that is replicated counts on each.</summary>
    public required IReadOnlyList<RankInspection> Ranks { get; init; }

    /// <summary>Bytes of memory that are free now.</summary>
    public required long FreeBytes { get; init; }

    /// <summary>Bytes that generating over the full context takes.</summary>
    public long NeededBytes => WeightBytes + KvBytes + WorkBytes;

    /// <summary>Inspects a Hugging Face checkpoint: a directory, or a .safetensors file with its config.json next to it.</summary>
    /// <param name="path">The directory or file. Nothing is downloaded.</param>
    /// <param name="kvDtype">Number format of the KV cache whose memory is computed.</param>
    /// <param name="tensorParallel">Devices that share the model, as in <see cref="EngineOptions.TensorParallel"/>.</param>
    /// <exception cref="ArgumentNullException">The path is null.</exception>
    /// <exception cref="ModelFileException">A file is missing, broken, or of a kind that this engine does not run.</exception>
    /// <exception cref="TemplateException">The chat template is broken or not supported.</exception>
    /// <exception cref="BackendException">The native library cannot be loaded.</exception>
    /// <exception cref="ArgumentException">A marker of the model's thoughts has too many tokens; or the model cannot be divided among so many
    /// devices.</exception>
    public static ModelInspection Read(string path, KvDtype kvDtype = KvDtype.Bf16, int tensorParallel = 1)
    {
        ArgumentNullException.ThrowIfNull(path);
        using Checkpoint checkpoint = Checkpoint.Open(path);
        using Device device = Device.Open(Backend.Cpu, threads: 1);
        ModelConfig config = checkpoint.Config;
        NativeDtype dtype = KvPlan.DtypeOf(kvDtype);
        ModelShard shard = ModelShard.All(config);
        int ranks = new EngineOptions { TensorParallel = tensorParallel }.TensorParallel;
        MatrixFormat format = ModelWeights.FormatOf(checkpoint, WeightFormat.Stored);
        long weightBytes = ModelWeights.Measure(checkpoint, shard, WeightFormat.Stored, device);
        ModelTensors tensors = ModelTensors.Of(shard);
        IReadOnlyDictionary<string, (int Rows, int Cols)> matrices = tensors.StoredMatrices;
        Tokenizer tokenizer = Tokenizer.Load(checkpoint.Directory);
        ChatTemplate? template = ChatTemplate.Load(checkpoint.Directory);
        ThinkingMarkers markers = ThinkingMarkers.Resolve(tokenizer, template?.Source, null, null);
        return new ModelInspection
        {
            Config = config,
            Defaults = checkpoint.Generation.WithTokenizerEnd(tokenizer.EndId, config.VocabularySize),
            Tokenizer = tokenizer,
            RopeScaling = config.RopeScaling.ToString(),
            Experts = DescribeExperts(config),
            Template = template,
            ThinkEnd = markers.End?.Text,
            ThinkEndTokens = markers.End?.Ids.Length ?? 0,
            OpensThought = FindOpensThought(tokenizer, template, markers),
            Parameters = checkpoint.Tensors.Where(tensor => !ScaleGrid.Suffixes.Any(suffix => tensor.Name.EndsWith(suffix, StringComparison.Ordinal))).Sum(tensor => ElementsOf(tensor, matrices)),
            Dtypes = [.. checkpoint.Tensors.Select(tensor => FormatOf(tensor, matrices)).Distinct().Order(StringComparer.Ordinal)],
            Format = DescribeFormat(checkpoint, tensors),
            Layers = LayerInspection.RunsOf(config),
            UnusedTensors = [.. Checkpoints.UnusedTensors.Of(checkpoint)],
            StoredBytes = checkpoint.TotalBytes,
            WeightBytes = weightBytes,
            KvBytesPerToken = KvCache.BytesPerPosition(device, shard, dtype),
            KvBytes = MeasureCache(device, shard, dtype),
            WorkBytes = Runner.Measure(device, shard, LimitsOf(shard)),
            Ranks = [.. Enumerable.Range(0, ranks).Select(r => InspectRank(checkpoint, ModelShard.Make(config, r, ranks, format), device, dtype))],
            FreeBytes = (long)device.Query().FreeMemory,
        };
    }

    private static string? DescribeExperts(ModelConfig config)
    {
        ExpertConfig[] layers = [.. config.LayerConfigs.Select(layer => layer.Experts).OfType<ExpertConfig>()];
        return layers is [ExpertConfig experts, ..]
            ? FormattableString.Invariant($"{experts.Count} of size {experts.FfnSize}, {experts.PerToken} per token, on {layers.Length} of {config.Layers} layers")
            : null;
    }

    private static string DescribeFormat(Checkpoint checkpoint, ModelTensors tensors)
    {
        IReadOnlyDictionary<string, (int Rows, int Cols)> matrices = tensors.StoredMatrices;
        (string Name, int Count)[] layers = [.. tensors.Layers
            .SelectMany(layer => layer.Matrices)
            .Where(matrix => matrix.Role != MatrixRole.Router)
            .SelectMany(Modules)
            .Distinct()
            .CountBy(NameOf)
            .OrderByDescending(format => format.Value)
            .Select(format => (format.Key, format.Value))];
        int all = layers.Sum(format => format.Count);
        string found = string.Join(", ", layers.Select(format =>
            Quantized(format.Name) + (format.Count < all ? FormattableString.Invariant($" in {format.Count} of {all} matrices") : "")));
        string embedding = NameOf(Modules(tensors.Embedding).First()), head = tensors.Head == null ? "" : $", LM head {NameOf(Modules(tensors.Head).First())}";
        return $"{found}; embedding {embedding}{head}";

        static IEnumerable<string> Modules(MatrixTensors matrix) => matrix.Parts.Select(part => part.Module);

        string NameOf(string module)
        {
            Tensor stored = checkpoint.Stored(module + ModelTensors.WeightSuffix);
            (int rows, int cols) = matrices[stored.Name];
            return MatrixFormat.Find(stored.Dtype, stored.Shape, rows, cols)!.Name;
        }

        string Quantized(string name) => name == MatrixFormat.Fp8.Name && checkpoint.Config.Quantization is Fp8Config config
            ? $"{name} ({config.Method}, scales: {config.Strategy})"
            : name;
    }

    private static RankInspection InspectRank(Checkpoint checkpoint, ModelShard shard, Device device, NativeDtype kvDtype)
    {
        return new(
            RangeOf(shard.Heads), RangeOf(shard.KvHeads), RangeOf(shard.Ffn), RangeOf(shard.Ids),
            ModelWeights.Measure(checkpoint, shard, WeightFormat.Stored, device),
            MeasureCache(device, shard, kvDtype),
            Runner.Measure(device, shard, LimitsOf(shard)));

        static Range RangeOf(Window window) => window.First..(window.First + window.Count);
    }

    private static RunnerLimits LimitsOf(ModelShard shard) => KvPlan.LimitsOf(OneSequence, KvLayout.Of(shard.Whole), shard.Whole.MaxPositions);

    private static long MeasureCache(Device device, ModelShard shard, NativeDtype dtype) =>
        KvCache.Measure(device, shard, dtype, KvLayout.Of(shard.Whole).BlocksHeld(shard.Whole.MaxPositions, LimitsOf(shard).Rows));

    private static bool? FindOpensThought(Tokenizer tokenizer, ChatTemplate? template, ThinkingMarkers markers)
    {
        if (template == null)
            return null;
        try
        {
            ChatPrompt hello = new([new ChatMessage("user", "Hello")]);
            return new PromptEncoder("", tokenizer, () => template).Encode(hello, markers).End.State == PromptState.Open;
        }
        catch (TemplateException)
        {
            return null;
        }
    }

    // The last block of a row may be filled up, so that only the model knows the size of a matrix of blocks.
    private static long ElementsOf(TensorInfo tensor, IReadOnlyDictionary<string, (int Rows, int Cols)> matrices) =>
        matrices.TryGetValue(tensor.Name, out (int Rows, int Cols) size)
            ? (long)size.Rows * size.Cols
            : tensor.Shape.Aggregate(1L, (product, count) => product * count);

    private static string FormatOf(TensorInfo tensor, IReadOnlyDictionary<string, (int Rows, int Cols)> matrices) =>
        matrices.TryGetValue(tensor.Name, out (int Rows, int Cols) size)
            ? MatrixFormat.Find(tensor.Dtype, tensor.Shape, size.Rows, size.Cols)!.Name
            : tensor.Dtype.FileName();
}
