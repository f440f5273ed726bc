using System.Text.Json;
using System.Text.RegularExpressions;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>A model on disk in the Hugging Face format: a directory with config.json and the weights in model.safetensors, or
/// in shards that model.safetensors.index.json lists. Weights are memory-mapped, so that opening reads only headers. Safe for
/// concurrent readers; <see cref="Dispose"/> invalidates all tensors obtained from it.</summary>
internal sealed partial class Checkpoint : ITensorSource
{
    /// <summary>Name of the weight file of a checkpoint without shards.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>Name of the index, which names the file of each tensor of a checkpoint with shards.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _home = new(StringComparer.Ordinal);
    private readonly string _weights;

    private Checkpoint(string path, string directory, string weights)
    {
        Origin = new ModelOrigin(path);
        Directory = directory;
        _weights = weights;
        // First, because it is fast and decides whether the model is supported at all.
        Config = ModelConfig.Load(Path.Combine(directory, "config.json"));
        Generation = GenerationDefaultsReader.Load(Path.Combine(directory, "generation_config.json"), Config);
    }

    /// <summary>The folder that holds the checkpoint: config.json, tokenizer and weights.</summary>
    public string Directory { get; }

    string ITensorSource.Name => Directory;

    public ModelOrigin Origin { get; }

    /// <summary>The model's architecture and sizes.</summary>
    public ModelConfig Config { get; }

    /// <summary>The sampling settings that the model's publisher recommends.</summary>
    public GenerationDefaults Generation { get; }

    /// <summary>Names of all tensors, in no particular order.</summary>
    public IEnumerable<string> Names => _home.Keys;

    /// <summary>The header entries of all tensors, in the order of the files and their headers.</summary>
    public IEnumerable<TensorInfo> Tensors => _home.Select(entry => entry.Value.Tensors[entry.Key]);

    /// <summary>The free text of the headers; if several files have a key, the value of the first.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _files
        .SelectMany(file => file.Metadata)
        .DistinctBy(entry => entry.Key)
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>Total bytes of all tensors.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>Opens a checkpoint.</summary>
    /// <param name="path">A directory (model.safetensors is preferred if it also holds an index), or a
    /// .safetensors file with config.json in the same directory.</param>
    /// <exception cref="ModelFileException">A file is missing, broken, or describes a model that is not supported; or
    /// the index and the shards contradict each other.</exception>
    public static Checkpoint Open(string path)
    {
        (string directory, string weights) = Locate(path);
        Checkpoint checkpoint = new(path, directory, weights);
        try
        {
            if (weights.EndsWith(".json", StringComparison.Ordinal))
                checkpoint.AddShards();
            else
                checkpoint.Add(SafetensorsFile.Open(weights));
            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    /// <summary>Whether the checkpoint has a tensor of this name.</summary>
    public bool Has(string name) => _home.ContainsKey(name);

    /// <summary>The tensor of this name, which must have the given shape and elements of F32, F16 or BF16.</summary>
    /// <exception cref="ModelFileException">The tensor is missing, or has another shape or number format.</exception>
    /// <exception cref="ObjectDisposedException">The checkpoint was closed.</exception>
    public Tensor Get(string name, ReadOnlySpan<int> shape)
    {
        Tensor found = Stored(name);
        return HasShape(found, shape) && found.Dtype is TensorDtype.F32 or TensorDtype.F16 or TensorDtype.BF16
            ? found
            : throw Mismatch(found, shape);
    }

    /// <exception cref="ObjectDisposedException">The checkpoint was closed.</exception>
    /// <inheritdoc/>
    public StoredMatrix Matrix(string module, int rows, int cols)
    {
        string name = module + ModelTensors.WeightSuffix;
        Tensor found = Stored(name);
        MatrixFormat format = MatrixFormat.Find(found.Dtype, found.Shape, rows, cols) ?? throw Mismatch(found, [rows, cols]);
        return new StoredMatrix(format, found, FindScales(module, format, rows, cols));
    }

    /// <summary>The tensor of this name as it is stored, whatever its shape and format.</summary>
    /// <exception cref="ModelFileException">The tensor is missing.</exception>
    /// <exception cref="ObjectDisposedException">The checkpoint was closed.</exception>
    public Tensor Stored(string name)
    {
        if (!_home.TryGetValue(name, out SafetensorsFile? file))
            throw new ModelFileException(_weights, $"tensor {HostileText.Quote(name)} is missing");
        TensorInfo found = file.Tensors[name];
        return new Tensor(name, file.Pointer(name), found.Dtype, found.Shape, found.Length);
    }

    /// <summary>Creates the error for an unusable tensor, one of <see cref="Names"/>.</summary>
    public ModelFileException Refuse(string tensor, string problem) =>
        new(_home[tensor].Path, $"tensor {HostileText.Quote(tensor)} {problem}");

    public ModelFingerprint Fingerprint() => ModelFingerprint.Of(this);

    public void Forget(Tensor tensor) => _home[tensor.Name].Forget(tensor.Data, tensor.Bytes);

    /// <summary>Unmaps the weights. Tensors obtained from the checkpoint must no longer be used.</summary>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files)
            file.Dispose();
    }

    private static (string Directory, string Weights) Locate(string path)
    {
        if (File.Exists(path) || path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) && !System.IO.Directory.Exists(path))
        {
            if (!path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase))
                throw new ModelFileException(path, "is neither a directory nor a .safetensors file");
            return (Path.GetDirectoryName(path) is { Length: > 0 } parent ? parent : ".", path);
        }
        if (!System.IO.Directory.Exists(path))
            throw NotFound(path);
        foreach (string name in (ReadOnlySpan<string>)[SingleFile, IndexFile])
        {
            string file = Path.Combine(path, name);
            if (File.Exists(file))
                return (path, file);
        }
        throw new ModelFileException(path, $"the directory holds neither {SingleFile} nor {IndexFile}");
    }

    private static bool HasShape(Tensor tensor, ReadOnlySpan<int> shape)
    {
        bool same = tensor.Shape.Length == shape.Length;
        for (int i = 0; same && i < shape.Length; i++)
            same = tensor.Shape[i] == shape[i];
        return same;
    }

    /// <summary>The scales of a matrix of 8-bit floats, which must agree with the configuration; null for another, which must have none.</summary>
    private ScaleGrid? FindScales(string module, MatrixFormat format, int rows, int cols)
    {
        string weight = module + ModelTensors.WeightSuffix;
        string[] found = [.. ScaleGrid.Suffixes.Select(suffix => module + suffix).Where(Has)];
        if (format != MatrixFormat.Fp8)
            return found is [] ? null : throw Refuse(found[0], $"is a scale, but {HostileText.Quote(weight)} is {format.Name}");
        if (Config.Quantization is not Fp8Config config)
            throw Refuse(weight, "is F8_E4M3, although config.json has no quantization_config");
        if (config.Excluded.Contains(module))
            throw Refuse(weight, "is F8_E4M3, although quantization_config excludes the module");
        return found is [string scales]
            ? ScaleGrid.Of(Stored(scales), config, rows, cols, problem => Refuse(scales, problem))
            : throw Refuse(weight, found is [] ? "is F8_E4M3, but its scale is missing" : "has two tensors of scales");
    }

    /// <summary>The error that a tensor is not what the model needs.</summary>
    private ModelFileException Mismatch(Tensor found, ReadOnlySpan<int> shape) => Refuse(found.Name, HasShape(found, shape)
        ? $"must be F32, F16 or BF16, found {found.Dtype.FileName()}"
        : $"must have the shape {ShapeText.Of(shape)}, found {ShapeText.Of(found.Shape.AsSpan())}");

    private static ModelFileException NotFound(string path)
    {
        const string Wanted = "a directory with config.json, tokenizer.json and weights in safetensors files";
        if (path.Length == 0)
            return new ModelFileException(path, $"the path of the model is empty; pass {Wanted}");
        string help = HubId().IsMatch(path)
            ? $"download the model first, with `hf download {path} --local-dir {path[(path.IndexOf('/') + 1)..]}` for example, and pass its directory"
            : $"pass {Wanted}";
        return new ModelFileException(path, $"does not exist; nothing is downloaded: {help}");
    }

    /// <summary>Owner and name of a model on a hub, which a user may pass instead of a directory.</summary>
    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*$")]
    private static partial Regex HubId();

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        foreach (TensorInfo tensor in file.Tensors.Values)
        {
            if (!_home.TryAdd(tensor.Name, file))
            {
                throw new ModelFileException(file.Path, $"tensor {HostileText.Quote(tensor.Name)} is also in "
                    + Path.GetFileName(_home[tensor.Name].Path));
            }
            TotalBytes += tensor.Length;
        }
    }

    private void AddShards()
    {
        JsonSettings index = JsonSettings.Load(_weights);
        JsonSettings map = index.OptionalObject("weight_map") ?? throw index.Refuse("weight_map", "is missing");
        Dictionary<string, SafetensorsFile> shards = new(StringComparer.Ordinal);
        foreach (JsonProperty entry in map.Entries)
        {
            string tensor = HostileText.Quote(entry.Name);
            string shard = map.ReadText(tensor, entry.Value);
            if (!shards.TryGetValue(shard, out SafetensorsFile? file))
            {
                file = OpenShard(map, tensor, shard);
                shards.Add(shard, file);
                Add(file);
            }
            if (!file.Tensors.ContainsKey(entry.Name))
            {
                throw new ModelFileException(
                    file.Path, $"tensor {tensor} is missing, although {IndexFile} assigns it to this file");
            }
        }
        if (shards.Count == 0)
            throw index.Refuse("weight_map", "is empty");
    }

    /// <summary>Only plain file names are followed: an index must not reach outside the checkpoint's directory. The
    /// file itself may be a link, as it is in Hugging Face's cache.</summary>
    private SafetensorsFile OpenShard(JsonSettings map, string tensor, string shard)
    {
        bool plain = shard.EndsWith(".safetensors", StringComparison.Ordinal)
            && shard.AsSpan().IndexOfAny("/\\:\0") < 0;
        if (!plain)
        {
            throw map.Refuse(tensor, $"must name a .safetensors file in the directory of the index, "
                + $"found {HostileText.Quote(shard)}");
        }
        return SafetensorsFile.Open(Path.Combine(Directory, shard));
    }
}
