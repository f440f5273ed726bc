using System.Runtime.InteropServices;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Quantization;

/// <summary>Checkpoints with rounded matrices: what is in them, that they generate what rounding while loading gives, and
/// that nothing is left behind or lost when it cannot be done.</summary>
internal sealed class ModelQuantizationTests
{
    private const long NoLimit = long.MaxValue;

    private TempFolder _folder = null!;

    private string Output => _folder.File("output");

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    private static IEnumerable<string> Models() =>
        [TestData.TinyReasoner, .. Directory.GetDirectories(TestData.FindGolden("forward")!).Order()];

    [TestCaseSource(nameof(Models))]
    public async Task GeneratesTheSameAsRoundingWhileLoading(string model)
    {
        ModelQuantization.Quantize(model, Output);

        string[] rounded = await Generate(model, WeightFormat.Int8);
        Assert.That(await Generate(Output, WeightFormat.Stored), Is.EqualTo(rounded));
        Assert.That(await Generate(Output, WeightFormat.Int8), Is.EqualTo(rounded));
        Assert.That(await Generate(model, WeightFormat.Stored), Is.Not.EqualTo(rounded));
    }

    [TestCase("F16")]
    [TestCase("F32")]
    public async Task EveryFormatOfWeightsIsRoundedAlike(string dtype)
    {
        string model = Golden("qwen2", (tensor, bytes) => (dtype, Convert(bytes, dtype)));
        ModelQuantization.Quantize(model, Output);

        Assert.That(await Generate(Output, WeightFormat.Stored), Is.EqualTo(await Generate(model, WeightFormat.Int8)));
    }

    [Test]
    public void AMatrixIsItsRowsRoundedAndTheErrorIsOfAllOfThem()
    {
        string model = Path.Combine(TestData.FindGolden("forward")!, "qwen2"); // rows of 64 and of 5.5 blocks
        QuantizationReport report = ModelQuantization.Quantize(model, Output);

        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(model, "model.safetensors"));
        using SafetensorsFile after = SafetensorsFile.Open(Path.Combine(Output, "model.safetensors"));
        double errors = 0, squares = 0;
        int matrices = 0;
        foreach (TensorInfo tensor in before.Tensors.Values.Where(tensor => tensor.Shape.Length == 2))
        {
            (int rows, int cols) = ((int)tensor.Shape[0], (int)tensor.Shape[1]);
            float[] values = Widen(before.Bytes(tensor.Name));
            TensorInfo stored = after.Tensors[tensor.Name];
            Assert.That((stored.Dtype, stored.Shape), Is.EqualTo((TensorDtype.U8, new long[] { rows, (cols + 31) / 32, 34 })), tensor.Name);
            byte[] row = new byte[stored.Length / rows];
            for (int i = 0; i < rows; i++)
            {
                Int8Blocks.Round(values.AsSpan(i * cols, cols), row);
                Assert.That(after.Bytes(tensor.Name).Slice(i * row.Length, row.Length).SequenceEqual(row), $"{tensor.Name}, row {i}");
                for (int j = 0; j < cols; j++)
                {
                    double value = values[i * cols + j];
                    double rounded = (double)BitConverter.ToHalf(row, j / 32 * 34) * (sbyte)row[j / 32 * 34 + 2 + j % 32];
                    (errors, squares) = (errors + (value - rounded) * (value - rounded), squares + value * value);
                }
            }
            matrices++;
        }
        Assert.That(report.RelativeError, Is.EqualTo(Math.Sqrt(errors / squares)).Within(1e-12).And.InRange(0.003, 0.01));
        Assert.That(report.Matrices, Is.EqualTo(matrices));
        Assert.That(report.BytesBefore, Is.EqualTo(before.Tensors.Values.Sum(tensor => tensor.Length)));
        Assert.That(report.BytesAfter, Is.EqualTo(after.Tensors.Values.Sum(tensor => tensor.Length)));
    }

    [Test]
    public void OtherTensorsAndTheMetadataStay()
    {
        string model = Golden("qwen2-tied", added: writer => writer
            .Metadata("author", "somebody")
            .Add("rotary.inv_freq", [3], 0.5f, 0.25f, 0.125f)
            .Add("lm_head.weight", [1, 2], (Half)1, (Half)2) // not read where the LM head is the embedding
            .Add("count", "I64", [], [1, 2, 3, 4, 5, 6, 7, 8])
            .Add("odd", "I8", [3], [1, 2, 3])
            .Add("empty", "F64", [0, 2], []));
        ModelQuantization.Quantize(model, Output);

        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(model, "model.safetensors"));
        using SafetensorsFile after = SafetensorsFile.Open(Path.Combine(Output, "model.safetensors"));
        Assert.That(after.Tensors.Keys, Is.EquivalentTo(before.Tensors.Keys));
        Assert.That(after.Metadata["author"], Is.EqualTo("somebody"));
        Assert.That(after.Metadata["softthinking.matrices"], Is.EqualTo("INT8_BLOCKS"));
        int rounded = 0;
        foreach (TensorInfo tensor in after.Tensors.Values)
        {
            Assert.That(tensor.Offset * 8 % tensor.Dtype.Bits(), Is.Zero, $"{tensor.Name} is aligned");
            TensorInfo old = before.Tensors[tensor.Name];
            if (tensor.Dtype == TensorDtype.U8)
            {
                rounded++;
                continue;
            }
            Assert.That((tensor.Dtype, tensor.Shape), Is.EqualTo((old.Dtype, old.Shape)));
            Assert.That(after.Bytes(tensor.Name).SequenceEqual(before.Bytes(tensor.Name)), tensor.Name);
        }
        Assert.That(rounded, Is.EqualTo(1 + 7 * ModelInspection.Read(model).Config.Layers));
    }

    [Test]
    public async Task LargeWeightsAreSplitAndSplitOnesRead()
    {
        const long FileBytes = 20_000;
        QuantizationReport report = Quantize(TestData.TinyReasoner, Output, FileBytes * 10);
        string[] files = [.. report.Files.Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal))];

        Assert.That(files, Has.Length.GreaterThan(5));
        Assert.That(files, Is.EqualTo(Enumerable.Range(1, files.Length).Select(i => $"model-{i:D5}-of-{files.Length:D5}.safetensors")));
        using JsonDocument index = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "model.safetensors.index.json")));
        Assert.That(index.RootElement.GetProperty("metadata").GetProperty("total_size").GetInt64(), Is.EqualTo(report.BytesAfter));
        Dictionary<string, string> map = index.RootElement.GetProperty("weight_map").EnumerateObject()
            .ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!);
        long bytes = 0;
        foreach (string name in files)
        {
            using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Output, name));
            bytes += file.Tensors.Values.Sum(tensor => tensor.Length);
            Assert.That(file.Tensors.Values.Sum(tensor => tensor.Length), Is.LessThanOrEqualTo(FileBytes * 10));
            Assert.That(file.Metadata, Contains.Key("softthinking.matrices"));
            foreach (string tensor in file.Tensors.Keys)
                Assert.That(map[tensor], Is.EqualTo(name));
        }
        Assert.That(bytes, Is.EqualTo(report.BytesAfter));
        Assert.That(await Generate(Output, WeightFormat.Stored), Is.EqualTo(await Generate(TestData.TinyReasoner, WeightFormat.Int8)));
    }

    [Test]
    public async Task ATensorAboveTheLimitHasAFileOfItsOwnAndSeveralFilesAreRead()
    {
        string model = Golden("qwen3"), split = SplitInTwo(model);
        QuantizationReport report = Quantize(split, Output, fileBytes: 1);

        using Checkpoint checkpoint = Checkpoint.Open(Output);
        Assert.That(report.Files.Count(name => name.EndsWith(".safetensors", StringComparison.Ordinal)), Is.EqualTo(checkpoint.Names.Count()));
        Assert.That(report.Files.Count(name => name.EndsWith(".index.json", StringComparison.Ordinal)), Is.EqualTo(1));
        Assert.That(await Generate(Output, WeightFormat.Stored), Is.EqualTo(await Generate(model, WeightFormat.Int8)));
    }

    [Test]
    public void OtherFilesAreCopiedExceptOtherWeights()
    {
        string model = Golden("qwen2");
        string[] weights = ["pytorch_model.bin", "x.PT", "y.pth", "z.gguf", "a.onnx", "b.h5", "c.msgpack", "old.safetensors", "pytorch_model.bin.index.json"];
        string[] others = ["generation_config.json", "chat_template.jinja", "tokenizer_config.json", "LICENSE", ".gitattributes"];
        foreach (string name in (string[])[.. weights, .. others])
            File.WriteAllText(Path.Combine(model, name), name == "generation_config.json" || name == "tokenizer_config.json" ? "{}" : name);
        Directory.CreateDirectory(Path.Combine(model, "directory"));
        File.CreateSymbolicLink(Path.Combine(model, "linked.txt"), _folder.Write("elsewhere", "linked"));
        QuantizationReport report = ModelQuantization.Quantize(model, Output);

        string[] expected = ["model.safetensors", "config.json", "tokenizer.json", "linked.txt", .. others];
        Assert.That(NamesIn(Output), Is.EquivalentTo(expected));
        Assert.That(report.Files, Is.EquivalentTo(expected));
        Assert.That(File.ReadAllText(Path.Combine(Output, "LICENSE")), Is.EqualTo("LICENSE"));
        Assert.That(File.ReadAllText(Path.Combine(Output, "linked.txt")), Is.EqualTo("linked"));
        Assert.That(new FileInfo(Path.Combine(Output, "linked.txt")).LinkTarget, Is.Null);
    }

    [Test]
    public void ProgressRisesToOne()
    {
        List<double> told = [];
        ModelQuantization.Quantize(TestData.TinyReasoner, Output, progress: told.Add);

        Assert.That(told, Is.Ordered.And.All.InRange(0, 1));
        Assert.That(told[^1], Is.EqualTo(1));
        Assert.That(told, Has.Count.GreaterThan(10));
    }

    [Test]
    public void WeightsOfZeroHaveNoError()
    {
        string model = Golden("qwen2", (tensor, bytes) => (tensor.Dtype.FileName(), new byte[bytes.Length]));

        Assert.That(ModelQuantization.Quantize(model, Output).RelativeError, Is.Zero);
    }

    [Test]
    public void AnEmptyDirectoryIsFilled()
    {
        Directory.CreateDirectory(Output);
        ModelQuantization.Quantize(TestData.TinyReasoner, Output);

        Assert.That(NamesIn(Output), Contains.Item("model.safetensors").And.Not.Contains(".output"));
        Assert.That(NamesIn(Output).Where(name => name.StartsWith('.')), Is.Empty);
    }

    [Test]
    public async Task OverwritingReplacesFilesOfTheSameNamesOnly()
    {
        Directory.CreateDirectory(Output);
        File.WriteAllText(Path.Combine(Output, "notes.txt"), "mine");
        File.WriteAllText(Path.Combine(Output, "model.safetensors"), "old");
        string original = _folder.Write("original.json", "{}");
        File.CreateSymbolicLink(Path.Combine(Output, "config.json"), original);
        ModelQuantization.Quantize(TestData.TinyReasoner, Output, overwrite: true);

        Assert.That(File.ReadAllText(Path.Combine(Output, "notes.txt")), Is.EqualTo("mine"));
        Assert.That(File.ReadAllText(original), Is.EqualTo("{}"), "a link is replaced, not what it leads to");
        Assert.That(await Generate(Output, WeightFormat.Stored), Is.EqualTo(await Generate(TestData.TinyReasoner, WeightFormat.Int8)));
        ModelQuantization.Quantize(TestData.TinyReasoner, Output, overwrite: true);
    }

    [Test]
    public void ADirectoryWithFilesIsNotTouchedUnasked()
    {
        Directory.CreateDirectory(Output);
        File.WriteAllText(Path.Combine(Output, "notes.txt"), "mine");

        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, Output),
            Throws.InstanceOf<IOException>().With.Message.StartsWith(Output).And.Message.Contains("not empty"));
        Assert.That(NamesIn(Output), Is.EqualTo(new[] { "notes.txt" }));
    }

    [TestCase(NoLimit, "model.safetensors.index.json")]
    [TestCase(NoLimit, "model-00001-of-00002.safetensors")]
    [TestCase(200_000, "model.safetensors")]
    public void OtherWeightsAreNotMixedWithTheNewOnes(long fileBytes, string present)
    {
        Directory.CreateDirectory(Output);
        File.WriteAllText(Path.Combine(Output, present), "other");

        Assert.That(() => Quantize(TestData.TinyReasoner, Output, fileBytes, overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.StartsWith(Path.Combine(Output, present)));
        Assert.That(NamesIn(Output), Is.EqualTo(new[] { present }));
        Assert.That(File.ReadAllText(Path.Combine(Output, present)), Is.EqualTo("other"));
    }

    [Test]
    public void ADirectoryInPlaceOfAFileIsFoundBeforeAnythingIsReplaced()
    {
        string place = Path.Combine(Output, "tokenizer.json");
        Directory.CreateDirectory(place);
        File.WriteAllText(Path.Combine(Output, "config.json"), "mine");

        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, Output, overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.StartsWith(place));
        Assert.That(NamesIn(Output), Is.EquivalentTo(new[] { "config.json", "tokenizer.json" }));
        Assert.That(File.ReadAllText(Path.Combine(Output, "config.json")), Is.EqualTo("mine"));
    }

    [Test]
    public void TheOriginalIsNotOverwritten([Values("", "/", "/../qwen2/.", "link", "linked parent")] string way)
    {
        string model = Golden("qwen2");
        byte[] weights = File.ReadAllBytes(Path.Combine(model, "model.safetensors"));
        string[] names = NamesIn(model);
        string output = way switch
        {
            "link" => Directory.CreateSymbolicLink(_folder.File("link"), model).FullName,
            "linked parent" => Path.Combine(Directory.CreateSymbolicLink(_folder.File("link"), _folder.Path).FullName, "qwen2"),
            _ => model + way,
        };

        Assert.That(() => ModelQuantization.Quantize(model, output, overwrite: true),
            Throws.ArgumentException.With.Message.StartsWith(output).And.Message.Contains("the original"));
        Assert.That(File.ReadAllBytes(Path.Combine(model, "model.safetensors")), Is.EqualTo(weights));
        Assert.That(NamesIn(model), Is.EquivalentTo(names));
    }

    [Test]
    public void ARoundedCheckpointIsRefused()
    {
        ModelQuantization.Quantize(TestData.TinyReasoner, Output);

        Assert.That(() => ModelQuantization.Quantize(Output, _folder.File("again")),
            Throws.InstanceOf<ModelFileException>().With.Message.Contains("model.safetensors: tensor 'model.embed_tokens.weight' is already in 8-bit blocks"));
        Assert.That(NamesIn(_folder.Path), Is.EqualTo(new[] { "output" }));
    }

    [Test]
    public void AMissingTensorIsNamed()
    {
        const string Missing = "model.layers.1.mlp.up_proj.weight";
        string model = Golden("qwen2", (tensor, bytes) => tensor.Name == Missing ? null : (tensor.Dtype.FileName(), bytes));

        Refused<ModelFileException>(model, $"model.safetensors: tensor '{Missing}' is missing");
    }

    [TestCase(float.NaN)]
    [TestCase(float.NegativeInfinity)]
    public void AWeightThatIsNotFiniteIsNamed(float value)
    {
        const string Broken = "model.layers.2.mlp.down_proj.weight";
        string model = Golden("qwen2", (tensor, bytes) =>
        {
            if (tensor.Name == Broken)
                BitConverter.TryWriteBytes(bytes.AsSpan(100), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            return (tensor.Dtype.FileName(), bytes);
        });

        Refused<ModelFileException>(model, $"model.safetensors: tensor '{Broken}' has an element that is not finite");
    }

    [Test]
    public void AFileInPlaceOfTheDirectoryIsNotReplaced()
    {
        _folder.Write("output", "mine");

        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, Output, overwrite: true),
            Throws.InstanceOf<IOException>().With.Message.StartsWith(Output));
        Assert.That(File.ReadAllText(Output), Is.EqualTo("mine"));
    }

    [Test]
    public void TheParentDirectoryMustExist()
    {
        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, Path.Combine(Output, "deep")),
            Throws.InstanceOf<IOException>().With.Message.EqualTo($"{Output}: the directory does not exist"));
        Assert.That(NamesIn(_folder.Path), Is.Empty);
    }

    [Test]
    [Platform("Linux")]
    public void WhereNothingCanBeWrittenTheDirectoryIsNamed() =>
        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, "/proc/output"),
            Throws.InstanceOf<IOException>().With.Message.StartsWith("/proc/output: the directory cannot be written to"));

    [Test]
    public void CancellationLeavesNothingBehind([Values] bool exists, [Values(0, 0.5, 1)] double when)
    {
        string[] before = [];
        if (exists)
        {
            Directory.CreateDirectory(Output);
            foreach (string name in before = ["model.safetensors", "notes.txt"])
                File.WriteAllText(Path.Combine(Output, name), "mine");
        }
        using CancellationTokenSource source = new();
        if (when == 0)
            source.Cancel();

        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, Output, overwrite: true, cancellation: source.Token, progress: done =>
        {
            if (done >= when)
                source.Cancel();
        }), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(NamesIn(_folder.Path), Is.EqualTo(exists ? new[] { "output" } : []));
        if (!exists)
            return;
        Assert.That(NamesIn(Output), Is.EquivalentTo(before));
        foreach (string name in before)
            Assert.That(File.ReadAllText(Path.Combine(Output, name)), Is.EqualTo("mine"));
    }

    private static QuantizationReport Quantize(string source, string destination, long fileBytes, bool overwrite = false) =>
        ModelQuantization.Quantize(source, destination, WeightFormat.Int8, fileBytes, overwrite, progress: null, CancellationToken.None);

    /// <summary>Asserts that a checkpoint is refused and leaves nothing behind.</summary>
    private void Refused<T>(string model, string message) where T : Exception
    {
        Assert.That(() => ModelQuantization.Quantize(model, Output), Throws.InstanceOf<T>().With.Message.Contains(message));
        Assert.That(NamesIn(_folder.Path), Is.EqualTo(new[] { Path.GetFileName(model) }));
    }

    /// <summary>A copy of a golden model in the test's folder.</summary>
    /// <param name="change">What becomes of each tensor: its format and bytes, or null to leave it out.</param>
    /// <param name="added">Adds tensors.</param>
    private string Golden(
        string name, Func<TensorInfo, byte[], (string Dtype, byte[] Bytes)?>? change = null, Action<SafetensorsWriter>? added = null)
    {
        return CheckpointCopy.Make(Path.Combine(TestData.FindGolden("forward")!, name), _folder.File(name), (tensor, bytes) =>
        {
            (string Dtype, byte[] Bytes)? changed = change == null ? (tensor.Dtype.FileName(), bytes) : change(tensor, bytes);
            return changed is var (dtype, replaced) ? (dtype, [.. tensor.Shape], replaced) : null;
        }, added);
    }

    /// <summary>The same model with its weights in two files.</summary>
    private string SplitInTwo(string model)
    {
        string copy = Directory.CreateDirectory(_folder.File("split")).FullName;
        foreach (string file in (string[])["config.json", "tokenizer.json"])
            File.Copy(Path.Combine(model, file), Path.Combine(copy, file));
        using SafetensorsFile weights = SafetensorsFile.Open(Path.Combine(model, "model.safetensors"));
        SafetensorsWriter[] writers = [new(), new()];
        Dictionary<string, string> map = [];
        foreach (TensorInfo tensor in weights.Tensors.Values)
        {
            writers[map.Count % 2].Add(tensor.Name, tensor.Dtype.FileName(), [.. tensor.Shape], weights.Bytes(tensor.Name).ToArray());
            map.Add(tensor.Name, $"{map.Count % 2}.safetensors");
        }
        for (int i = 0; i < writers.Length; i++)
            File.WriteAllBytes(Path.Combine(copy, $"{i}.safetensors"), writers[i].ToBytes());
        File.WriteAllText(Path.Combine(copy, "model.safetensors.index.json"), JsonSerializer.Serialize(new { weight_map = map }));
        return copy;
    }

    private static string[] NamesIn(string directory) =>
        [.. Directory.EnumerateFileSystemEntries(directory).Select(path => Path.GetFileName(path)!)];

    /// <summary>bf16 as f32.</summary>
    private static float[] Widen(ReadOnlySpan<byte> bytes)
    {
        float[] values = new float[bytes.Length / 2];
        StoredNumbers.Widen(bytes, TensorDtype.BF16, values);
        return values;
    }

    /// <summary>bf16 in another format.</summary>
    private static byte[] Convert(byte[] bytes, string dtype)
    {
        float[] values = Widen(bytes);
        return dtype == "F32"
            ? MemoryMarshal.AsBytes(values.AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(values.Select(value => (Half)value).ToArray().AsSpan()).ToArray();
    }

    private static async Task<string[]> Generate(string model, WeightFormat format)
    {
        await using Engine engine = Engine.Load(model, new EngineOptions { Weights = format, Device = ComputeDevice.Cpu });
        return Bits.Of((await engine.GenerateAsync(new()
        {
            Prompt = new TokenPrompt([.. Enumerable.Range(2, 40).Select(id => new ConceptToken(id))]),
            Sampling = new() { Seed = 0, EarlyStoppingEntropyThreshold = 0 },
            MaxNewTokens = 20,
            LogProbs = 5,
            IgnoreEndOfText = true,
        })).Samples[0]);
    }
}
