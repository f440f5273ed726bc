using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Tests.Golden;

namespace SoftThinking.Tests.Quantization;

/// <summary>Checkpoints of 8-bit floats: what other programs read, and that loading one gives the bits of rounding while loading.</summary>
internal sealed class Fp8QuantizationTests
{
    /// <summary>All numbers of e4m3, in order.</summary>
    private static readonly double[] Numbers =
        [.. Enumerable.Range(0, 256).Select(code => ValueOf((byte)code)).Where(double.IsFinite).Distinct().Order()];

    private TempFolder _folder = null!;

    private string Output => _folder.File("output");

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    /// <summary>The demonstration model, and random ones of every family.</summary>
    private static IEnumerable<string> Models() =>
    [
        TestData.TinyReasoner,
        .. Directory.GetDirectories(TestData.FindGolden("forward")!).Order(),
        .. Families("phi3", "smollm3", "mistral-sliding", "olmo3", "qwen3-moe", "qwen3-moe-step2"),
    ];

    private static IEnumerable<string> MoeModels() => Families("qwen3-moe", "qwen3-moe-step2");

    private static IEnumerable<string> Families(params string[] names) => TestData.FindGolden("families") is string folder
        ? names.Select(name => Path.Combine(folder, name))
        : [];

    [TestCaseSource(nameof(Models))]
    public void ItLoadsWithTheBitsOfRoundingWhileLoading(string model)
    {
        ModelQuantization.Quantize(model, Output, WeightFormat.Fp8);

        float[] rounded = Logits(model, WeightFormat.Fp8);
        Assert.That(Bits.Same(Logits(Output, WeightFormat.Stored), rounded), Is.True);
        Assert.That(Bits.Same(Logits(Output, WeightFormat.Fp8), rounded), Is.True);
        Assert.That(Bits.Same(Logits(model, WeightFormat.Stored), rounded), Is.False);
    }

    [TestCaseSource(nameof(MoeModels))]
    public void Int8OfExpertsLoadsWithTheBitsOfRoundingWhileLoading(string model)
    {
        QuantizationReport report = ModelQuantization.Quantize(model, Output);

        using Checkpoint before = Checkpoint.Open(model), after = Checkpoint.Open(Output);
        Assert.That(Bits.Same(Logits(Output, WeightFormat.Stored), Logits(model, WeightFormat.Int8)), Is.True);
        string[] routers = [.. before.Names.Where(name => name.EndsWith("mlp.gate.weight", StringComparison.Ordinal))];
        Assert.That(routers, Is.Not.Empty);
        foreach (TensorInfo tensor in before.Tensors)
        {
            bool rounded = tensor.Shape.Length == 2 && !routers.Contains(tensor.Name);
            Assert.That(after.Stored(tensor.Name).Dtype, Is.EqualTo(rounded ? TensorDtype.U8 : tensor.Dtype), tensor.Name);
        }
        Assert.That(report.Matrices, Is.EqualTo(before.Tensors.Count(tensor => tensor.Shape.Length == 2) - routers.Length));
        Assert.That(report.RelativeError, Is.InRange(0.003, 0.01));
    }

    /// <summary>An independent decoder of what is stored, and the same model in f32: the logits agree as those of golden checkpoints do.
    /// What rounding costs is bounded by half a step of a mantissa of 3 bits.</summary>
    [TestCaseSource(nameof(Models))]
    public void LogitsAreThoseOfTheStoredNumbersAndNearTheOriginal(string model)
    {
        QuantizationReport report = ModelQuantization.Quantize(model, Output, WeightFormat.Fp8);
        string decoded = CheckpointCopy.Make(Output, _folder.File("decoded"), Decode, config: config => config.AsObject().Remove("quantization_config"));

        float[] found = Logits(Output, WeightFormat.Stored), exact = Logits(decoded, WeightFormat.Stored), original = Logits(model, WeightFormat.Stored);
        Assert.That(report.RelativeError, Is.InRange(0.01, 1.0 / 32));
        Assert.That(RelativeError(found, exact), Is.LessThan(1e-4));
        double error = RelativeError(found, original);
        TestContext.Out.WriteLine(FormattableString.Invariant($"{Path.GetFileName(model)}: weights {report.RelativeError:0.0000}, logits {error:0.0000}"));
        Assert.That(error, Is.InRange(1e-3, 0.15));

        (string, long[], byte[])? Decode(TensorInfo info, byte[] bytes)
        {
            if (info.Name.EndsWith(".weight_scale", StringComparison.Ordinal))
                return null;
            if (info.Dtype != TensorDtype.F8E4M3)
                return (info.Dtype.FileName(), [.. info.Shape], bytes);
            using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(Output, "model.safetensors"));
            float[] scales = Bf16(file.Bytes(info.Name + "_scale"));
            int cols = (int)info.Shape[1];
            float[] values = [.. bytes.Select((code, i) => (float)(ValueOf(code) * scales[i / cols]))];
            return ("F32", [.. info.Shape], MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
        }
    }

    /// <summary>Every projection and expert is rounded to the nearest by an independent search; the scales are bf16 of the largest by 448.</summary>
    [TestCaseSource(nameof(Models))]
    public void TensorsAreThoseOfAnIndependentRounding(string model)
    {
        QuantizationReport report = ModelQuantization.Quantize(model, Output, WeightFormat.Fp8);

        using SafetensorsFile before = SafetensorsFile.Open(Path.Combine(model, "model.safetensors")), after = SafetensorsFile.Open(Path.Combine(Output, "model.safetensors"));
        int matrices = 0;
        foreach (TensorInfo tensor in before.Tensors.Values)
        {
            TensorInfo stored = after.Tensors[tensor.Name];
            if (!IsRounded(tensor))
            {
                Assert.That((stored.Dtype, stored.Shape), Is.EqualTo((tensor.Dtype, tensor.Shape)), tensor.Name);
                Assert.That(after.Bytes(tensor.Name).SequenceEqual(before.Bytes(tensor.Name)), tensor.Name);
                continue;
            }
            (int rows, int cols) = ((int)tensor.Shape[0], (int)tensor.Shape[1]);
            TensorInfo scale = after.Tensors[tensor.Name + "_scale"];
            Assert.That((stored.Dtype, stored.Shape), Is.EqualTo((TensorDtype.F8E4M3, new long[] { rows, cols })), tensor.Name);
            Assert.That((scale.Dtype, scale.Shape), Is.EqualTo((TensorDtype.BF16, new long[] { rows, 1 })), tensor.Name);
            Assert.That(scale.Offset % 2, Is.Zero, "aligned");
            float[] values = Bf16(before.Bytes(tensor.Name)), scales = Bf16(after.Bytes(scale.Name));
            for (int row = 0; row < rows; row++)
                CheckRow(values.AsSpan(row * cols, cols), after.Bytes(tensor.Name).Slice(row * cols, cols), scales[row], $"{tensor.Name}, row {row}");
            matrices++;
        }
        Assert.That(report.Matrices, Is.EqualTo(matrices));
        Assert.That(after.Tensors, Has.Count.EqualTo(before.Tensors.Count + matrices));
        Assert.That(report.BytesAfter, Is.EqualTo(after.Tensors.Values.Sum(tensor => tensor.Length)));
        Assert.That(after.Metadata["format"], Is.EqualTo("pt"));
        Assert.That(after.Metadata.Keys, Has.None.StartsWith("softthinking"));
    }

    [Test]
    public void AnF32AndAnF16CheckpointAreRoundedAlike([Values("F32", "F16")] string dtype)
    {
        string golden = Path.Combine(TestData.FindGolden("forward")!, "qwen2");
        string model = CheckpointCopy.Make(golden, _folder.File("model"), (info, bytes) => (dtype, [.. info.Shape], dtype == "F32"
            ? MemoryMarshal.AsBytes(Bf16(bytes).AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(Bf16(bytes).Select(value => (Half)value).ToArray().AsSpan()).ToArray()));
        ModelQuantization.Quantize(model, Output, WeightFormat.Fp8);

        Assert.That(Bits.Same(Logits(Output, WeightFormat.Stored), Logits(model, WeightFormat.Fp8)), Is.True);
    }

    [TestCase("forward/qwen2", "lm_head")]
    [TestCase("forward/qwen2-tied", "lm_head")]
    [TestCase("families/qwen3-moe-step2", "model.layers.1.mlp.gate,lm_head")]
    [TestCase("families/phi3", "lm_head")]
    public void TheConfigurationSaysWhatIsThere(string model, string ignored)
    {
        if (TestData.FindGolden(model.Split('/')[0]) is not string folder)
        {
            Assert.Ignore($"no golden data {model}");
            return;
        }
        string source = Path.Combine(folder, model.Split('/')[1]);
        ModelQuantization.Quantize(source, Output, WeightFormat.Fp8);

        JsonObject before = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject(), after = Config().AsObject();
        JsonNode quantization = after["quantization_config"]!;
        after.Remove("quantization_config");
        Assert.That(JsonNode.DeepEquals(after, before), "all else is kept");
        Assert.That(quantization["ignore"]!.AsArray().Select(name => name!.GetValue<string>()), Is.EquivalentTo(ignored.Split(',')));
        quantization["ignore"] = null;
        JsonNode expected = JsonNode.Parse("""
            {
              "config_groups": {"group_0": {
                "targets": ["Linear"],
                "weights": {"num_bits": 8, "type": "float", "symmetric": true, "strategy": "channel", "dynamic": false, "group_size": null,
                  "block_structure": null, "actorder": null},
                "input_activations": {"num_bits": 8, "type": "float", "symmetric": true, "strategy": "token", "dynamic": true, "group_size": null,
                  "block_structure": null, "actorder": null},
                "output_activations": null}},
              "format": "float-quantized", "global_compression_ratio": null, "ignore": null, "kv_cache_scheme": null,
              "quant_method": "compressed-tensors", "quantization_status": "compressed"
            }
            """)!;
        Assert.That(JsonNode.DeepEquals(quantization, expected), quantization.ToJsonString());
    }

    /// <summary>As in models whose weights were made float again, and whose configuration was not.</summary>
    [Test]
    public void AnEarlierConfigurationIsReplacedAndNumbersOfPythonAreKept()
    {
        string golden = Path.Combine(TestData.FindGolden("forward")!, "qwen2");
        string model = CheckpointCopy.Make(golden, _folder.File("model"), config: config => config["quantization_config"] =
            JsonNode.Parse("""{"quant_method":"fp8","weight_block_size":[128,128]}"""));
        string file = Path.Combine(model, "config.json");
        File.WriteAllText(file, File.ReadAllText(file)[..^1] + ""","limits":[0.0,{"at":Infinity},-Infinity,NaN,"NaN","\u00e9\"\\",1e400]}""");
        ModelQuantization.Quantize(model, Output, WeightFormat.Fp8);

        string text = File.ReadAllText(Path.Combine(Output, "config.json"));
        Assert.That(text.Replace(" ", "", StringComparison.Ordinal).Replace("\n", "", StringComparison.Ordinal),
            Does.Contain("""[0.0,{"at":Infinity},-Infinity,NaN,"NaN","\u00e9\"\\",1e400]"""));
        Assert.That(text, Does.Contain("compressed-tensors").And.Not.Contain("weight_block_size"));
        Assert.That(Bits.Same(Logits(Output, WeightFormat.Stored), Logits(model, WeightFormat.Fp8)), Is.True);
    }

    [Test]
    public void AWeightAndItsScaleAreInOneFile()
    {
        QuantizationReport report = ModelQuantization.Quantize(
            TestData.TinyReasoner, Output, WeightFormat.Fp8, fileBytes: 1, overwrite: false, progress: null, CancellationToken.None);

        JsonElement map = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Output, "model.safetensors.index.json"))).RootElement.GetProperty("weight_map");
        string[] scales = [.. map.EnumerateObject().Select(entry => entry.Name).Where(name => name.EndsWith("_scale", StringComparison.Ordinal))];
        Assert.That(scales, Has.Length.EqualTo(report.Matrices));
        foreach (string scale in scales)
            Assert.That(map.GetProperty(scale).GetString(), Is.EqualTo(map.GetProperty(scale[..^"_scale".Length]).GetString()));
        Assert.That(Bits.Same(Logits(Output, WeightFormat.Stored), Logits(TestData.TinyReasoner, WeightFormat.Fp8)), Is.True);
    }

    [Test]
    public void RowsOfZerosStayZero()
    {
        string golden = Path.Combine(TestData.FindGolden("forward")!, "qwen2");
        string model = CheckpointCopy.Make(golden, _folder.File("model"), (info, bytes) => (info.Dtype.FileName(), [.. info.Shape], new byte[bytes.Length]));

        Assert.That(ModelQuantization.Quantize(model, Output, WeightFormat.Fp8).RelativeError, Is.Zero);
        Assert.That(Logits(Output, WeightFormat.Stored), Is.All.Zero);
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void AWeightThatIsNotFiniteIsNamed(float value)
    {
        const string Broken = "model.layers.2.mlp.down_proj.weight";
        string golden = Path.Combine(TestData.FindGolden("forward")!, "qwen2");
        string model = CheckpointCopy.Make(golden, _folder.File("model"), (info, bytes) =>
        {
            if (info.Name == Broken)
                BitConverter.TryWriteBytes(bytes.AsSpan(100), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            return (info.Dtype.FileName(), [.. info.Shape], bytes);
        });

        Assert.That(() => ModelQuantization.Quantize(model, Output, WeightFormat.Fp8), Throws.InstanceOf<ModelFileException>()
            .With.Message.Contains($"model.safetensors: tensor '{Broken}' has an element that is not finite"));
        Assert.That(Directory.Exists(Output), Is.False);
    }

    [Test]
    public void AQuantizedCheckpointIsRefused([Values(WeightFormat.Int8, WeightFormat.Fp8)] WeightFormat first, [Values(WeightFormat.Int8, WeightFormat.Fp8)] WeightFormat second)
    {
        ModelQuantization.Quantize(TestData.TinyReasoner, Output, first);

        string expected = first == WeightFormat.Int8 ? "is already in 8-bit blocks: quantize" : "is already in 8-bit floats: quantize";
        Assert.That(() => ModelQuantization.Quantize(Output, _folder.File("again"), second),
            Throws.InstanceOf<ModelFileException>().With.Message.Contains("model.safetensors: tensor 'model.").And.Message.Contains(expected));
        Assert.That(Directory.Exists(_folder.File("again")), Is.False);
    }

    [Test]
    public void FormatsThatAreNotWrittenAreRefused([Values(WeightFormat.Stored, (WeightFormat)99)] WeightFormat to) =>
        Assert.That(() => ModelQuantization.Quantize(TestData.TinyReasoner, Output, to), Throws.InstanceOf<ArgumentOutOfRangeException>());

    private static bool IsRounded(TensorInfo tensor) => tensor.Shape.Length == 2
        && !tensor.Name.EndsWith("mlp.gate.weight", StringComparison.Ordinal) && tensor.Name is not ("model.embed_tokens.weight" or "lm_head.weight");

    private static void CheckRow(ReadOnlySpan<float> values, ReadOnlySpan<byte> codes, float scale, string where)
    {
        float largest = 0;
        foreach (float value in values)
            largest = Math.Max(largest, Math.Abs(value));
        // The nearest bf16: below it half a step, above it half a step.
        float wanted = largest / 448, below = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(wanted) & 0xFFFF0000);
        float above = BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(wanted) & 0xFFFF0000) + 0x10000);
        Assert.That(Math.Abs((double)scale - wanted), Is.EqualTo(Math.Min((double)wanted - below, (double)above - wanted)), where);
        for (int i = 0; i < values.Length; i++)
        {
            double value = values[i] / scale, error = Math.Abs(ValueOf(codes[i]) - value);
            int at = Math.Clamp(~Array.BinarySearch(Numbers, value), 1, Numbers.Length - 1); // a found number has no neighbor that is nearer
            if (error > Math.Min(Math.Abs(Numbers[at - 1] - value), Math.Abs(Numbers[at] - value)) && error > 0)
                Assert.Fail($"{where}, column {i}: {ValueOf(codes[i])} for {value}");
        }
    }

    /// <summary>By the definition of the format.</summary>
    private static double ValueOf(byte code)
    {
        (int exponent, int mantissa) = (code >> 3 & 15, code & 7);
        double magnitude = (exponent, mantissa) == (15, 7) ? double.NaN
            : exponent == 0 ? mantissa / 8.0 * Math.Pow(2, -6) : (1 + mantissa / 8.0) * Math.Pow(2, exponent - 7);
        return code < 128 ? magnitude : -magnitude;
    }

    private static float[] Bf16(ReadOnlySpan<byte> bytes)
    {
        float[] values = new float[bytes.Length / 2];
        for (int i = 0; i < values.Length; i++)
            values[i] = BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes[(2 * i)..]) << 16);
        return values;
    }

    private JsonNode Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(Output, "config.json")))!;

    private static float[] Logits(string model, WeightFormat format)
    {
        const int Tokens = 12;
        using Checkpoint checkpoint = Checkpoint.Open(model);
        using ForwardPass pass = new(TestDevice.Cpu, checkpoint, KvDtype.F32, 1, Tokens, Tokens, format: format);
        return pass.Logits((ConceptToken[])[.. Enumerable.Range(2, Tokens).Select(id => new ConceptToken(id * 7))], 0);
    }

    /// <summary>Root mean square of the differences over that of the expected.</summary>
    private static double RelativeError(float[] found, float[] expected) =>
        Math.Sqrt(found.Zip(expected, (a, b) => ((double)a - b) * ((double)a - b)).Sum() / expected.Sum(value => (double)value * value));
}
