using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Tests.Golden;
using SoftThinking.Tests.Quantization;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>Checkpoints of 8-bit floats: every way to assign scales, in every type, at edges of the grid; and what is refused, by name.</summary>
internal sealed class Fp8CheckpointTests
{
    private const string Matrix = "model.layers.1.mlp.gate_proj";

    private TempFolder _folder = null!;

    [SetUp]
    public void CreateFolder() => _folder = new TempFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    /// <summary>The rows and columns of a matrix that share a scale, and how config.json says it.</summary>
    private static readonly (string Name, int? Rows, int? Cols, string Suffix, string Config)[] Grids =
    [
        ("fp8, 128 x 128", 128, 128, ".weight_scale_inv", """{"quant_method":"fp8","weight_block_size":[128,128]}"""),
        ("fp8, tensor", null, null, ".weight_scale_inv", """{"quant_method":"fp8","weight_block_size":null,"activation_scheme":"static"}"""),
        ("compressed, tensor", null, null, ".weight_scale", Compressed("\"strategy\":\"tensor\"")),
        ("compressed, channel", 1, null, ".weight_scale", Compressed("\"strategy\":\"channel\"")),
        ("compressed, block", 128, 128, ".weight_scale", Compressed("\"strategy\":\"block\",\"block_structure\":[128,128]")),
        ("compressed, low blocks", 24, 128, ".weight_scale", Compressed("\"strategy\":\"block\",\"block_structure\":[24,128]")),
        ("compressed, wide blocks", 7, 256, ".weight_scale", Compressed("\"strategy\":\"block\",\"block_structure\":[7,256]")),
        ("compressed, huge blocks", 4096, 4096, ".weight_scale", Compressed("\"strategy\":\"block\",\"block_structure\":[4096,4096]")),
    ];

    private static IEnumerable<string> GridNames => Grids.Select(grid => grid.Name);

    /// <summary>The values are e4m3 times scale, whichever the grid: the logits are those of the same numbers in f32. The model has 64 hidden
    /// elements and 176 of the feed-forward network, so that blocks of 128 end beyond both.</summary>
    [Test]
    public void LogitsAreThoseOfTheNumbers([ValueSource(nameof(GridNames))] string name, [Values("F32", "F16", "BF16")] string dtype)
    {
        (string from, string to) = WithGrid(name, dtype);
        float[] found = Logits(from), exact = Logits(to);
        double largest = exact.Max(Math.Abs);
        Assert.That(found.Zip(exact, (a, b) => Math.Abs(a - b) / largest).Max(), Is.LessThan(1e-4));
        Assert.That(largest, Is.GreaterThan(0.1));
    }

    /// <summary>Each row of the grid, against division by hand: edges where rows or columns are no multiples.</summary>
    [Test]
    public void RowsOfTheGridAreExpanded(
        [Values(1, 100, 128, 129, 300)] int rows, [Values(1, 127, 128, 129, 600)] int cols, [Values(1, 7, 128, 4096)] int high, [Values(128, 256, 640)] int wide)
    {
        (int blockRows, int blockCols) = ((rows + high - 1) / high, (cols + wide - 1) / wide);
        ScaleGrid grid = new([.. Enumerable.Range(0, blockRows * blockCols).Select(i => (float)i)], high, wide, cols);
        float[] scales = new float[grid.BlocksOfRow];
        Assert.That(scales, Has.Length.EqualTo((cols + 127) / 128));
        for (int row = 0; row < rows; row++)
        {
            grid.Expand(row, scales);
            for (int col = 0; col < cols; col++)
                Assert.That(scales[col / 128], Is.EqualTo(row / high * blockCols + col / wide), $"row {row}, column {col}");
        }
    }

    /// <summary>A writer may give rows of zeros the scale 0.</summary>
    [Test]
    public void AScaleOfZeroMakesZeros()
    {
        string zero = Golden(scales: bytes => new byte[bytes.Length]), noise = Golden("noise", codes: _ => 0x81);
        Assert.That(Logits(zero), Is.Not.EqualTo(Logits(noise)).And.All.Matches<float>(float.IsFinite));
        using Checkpoint checkpoint = Checkpoint.Open(zero);
        Assert.That(checkpoint.Matrix(Matrix, 136, 96).Scales!.Values, Is.All.Zero);
    }

    /// <summary>How other programs round activations changes nothing here.</summary>
    [TestCase("""{"num_bits":8,"type":"float","strategy":"tensor","dynamic":false}""", true)]
    [TestCase("""{"num_bits":8,"type":"int","strategy":"token","dynamic":true}""", false)]
    [TestCase("null", false)]
    public void ActivationsAreNotQuantized(string activations, bool scaled)
    {
        string model = Golden(config: json => Group(json)["input_activations"] = JsonNode.Parse(activations), added: writer =>
        {
            if (scaled)
                writer.Add(Matrix + ".input_scale", [1], 0.25f).Add("model.layers.0.self_attn.k_proj.k_scale", [1], 3f);
        });
        Assert.That(Bits.Same(Logits(model), Logits(GoldenPath)), Is.True);
        using Checkpoint checkpoint = Checkpoint.Open(model);
        Assert.That(UnusedTensors.Of(checkpoint), Is.Empty);
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void AScaleThatIsNotFiniteIsRefused(float value)
    {
        string model = Golden(scales: bytes =>
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(20), (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16));
            return bytes;
        });
        Refused(model, $"model.safetensors: tensor '{Matrix}.weight_scale' has a number that is not finite");
    }

    [Test]
    public void ACodeThatIsNoNumberIsRefused([Values(0x7F, 0xFF)] int code) =>
        Refused(Golden(codes: i => i == 77 ? (byte)code : null), $"model.safetensors: tensor '{Matrix}.weight' has an element that is not a number");

    [TestCase("136,2", "[136, 2]")]
    [TestCase("1,136", "[1, 136]")]
    [TestCase("137,1", "[137, 1]")]
    [TestCase("1", "[1]")]
    [TestCase("", "[]")]
    [TestCase("136,1,1", "[136, 1, 1]")]
    [TestCase("0", "[0]")]
    public void ScalesOfAnotherShapeAreRefused(string shape, string shown)
    {
        long[] sizes = [.. shape.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(long.Parse)];
        Refused(Golden(scale: new("F32", sizes, new byte[4 * sizes.Aggregate(1L, (a, b) => a * b)])),
            $"model.safetensors: tensor '{Matrix}.weight_scale' must have the shape [136, 1] (one for each row), found {shown}");
    }

    [TestCase("F64", 8)]
    [TestCase("F8_E4M3", 1)]
    [TestCase("I32", 4)]
    public void ScalesOfAnotherTypeAreRefused(string dtype, int bytes) => Refused(Golden(scale: new(dtype, [136, 1], new byte[136 * bytes])),
        $"model.safetensors: tensor '{Matrix}.weight_scale' must be F32, F16 or BF16, found {dtype}");

    [Test]
    public void AMissingScaleIsRefused() => Refused(Golden(scale: new("", [], [])), $"model.safetensors: tensor '{Matrix}.weight' is F8_E4M3, but its scale is missing");

    [Test]
    public void TwoScalesAreRefused() => Refused(Golden(added: writer => writer.Add(Matrix + ".weight_scale_inv", [136, 1], new float[136])),
        $"model.safetensors: tensor '{Matrix}.weight' has two tensors of scales");

    [Test]
    public void AScaleOfAFloatMatrixIsRefused() => Refused(Golden(added: writer => writer.Add("model.layers.1.mlp.down_proj.weight_scale", [96, 1], new float[96])),
        "model.safetensors: tensor 'model.layers.1.mlp.down_proj.weight_scale' is a scale, but 'model.layers.1.mlp.down_proj.weight' is BF16");

    [TestCase(Matrix)]
    [TestCase("re:.*gate_proj")]
    [TestCase("model.layers.*")]
    public void AnExcludedMatrixThatIsQuantizedIsRefused(string entry) =>
        Refused(Golden(config: json => json["quantization_config"]!["ignore"] = new JsonArray(entry)), "is F8_E4M3, although quantization_config excludes the module");

    [Test]
    public void AQuantizedMatrixWithoutAConfigurationIsRefused() =>
        Refused(Golden(config: json => json.AsObject().Remove("quantization_config")), "is F8_E4M3, although config.json has no quantization_config");

    [TestCase("group", "quantization_config.config_groups.'group_0'.weights.strategy is 'group'; supported are tensor, channel and block")]
    [TestCase("tensor_group", "strategy is 'tensor_group'; supported are")]
    [TestCase("token", "strategy is 'token'; supported are")]
    [TestCase("", "strategy is ''; supported are")]
    public void OtherStrategiesAreRefused(string strategy, string message) => RefusedConfig(json => Weights(json)["strategy"] = strategy, message);

    [TestCase("null", "block_structure is missing")]
    [TestCase("[128]", "block_structure must be a list of two numbers")]
    [TestCase("\"128x128\"", "block_structure must be a list of two numbers")]
    [TestCase("[128,64]", "block_structure has 64 columns; supported are multiples of 128")]
    [TestCase("[0,128]", "block_structure must be from 1")]
    [TestCase("[128,-128]", "block_structure must be from 1")]
    [TestCase("[1e3,128]", "block_structure must be an integer")]
    [TestCase("[9999999999,128]", "block_structure must be from 1")]
    public void OtherBlocksAreRefused(string block, string message) => RefusedConfig(json =>
    {
        Weights(json)["strategy"] = "block";
        Weights(json)["block_structure"] = JsonNode.Parse(block);
    }, message);

    [TestCase("weights.type", "\"int\"", "type is 'int' with num_bits 8; supported is float with 8")]
    [TestCase("weights.num_bits", "4", "type is 'float' with num_bits 4; supported is float with 8")]
    [TestCase("weights.symmetric", "false", "symmetric is false; weights with zero points")]
    [TestCase("weights", "null", "weights is missing")]
    [TestCase("weights", "[]", "weights must be an object")]
    public void OtherNumbersAreRefused(string path, string value, string message) => RefusedConfig(json =>
    {
        JsonNode at = Group(json);
        string[] keys = path.Split('.');
        foreach (string key in keys[..^1])
            at = at[key]!;
        at[keys[^1]] = JsonNode.Parse(value);
    }, message);

    [TestCase("quant_method", "\"awq\"", "quantization_config asks for quantized weights (method 'awq'); supported are fp8 and compressed-tensors with the format")]
    [TestCase("quant_method", "null", "(method 'unnamed')")]
    [TestCase("format", "\"pack-quantized\"", "format is 'pack-quantized'; supported is float-quantized")]
    [TestCase("format", "\"int-quantized\"", "format is 'int-quantized'; supported is float-quantized")]
    [TestCase("format", "null", "format is 'unnamed'; supported is float-quantized")]
    [TestCase("config_groups", "null", "config_groups is missing")]
    [TestCase("config_groups", "{}", "config_groups is empty")]
    [TestCase("config_groups", "[1]", "config_groups must be an object")]
    [TestCase("config_groups", "{\"a\":1}", "config_groups.'a' must be an object")]
    [TestCase("ignore", "\"lm_head\"", "ignore must be a list")]
    [TestCase("ignore", "[1]", "ignore must be a string")]
    [TestCase("ignore", "[\"re:(\"]", "ignore has an entry that is not supported")]
    [TestCase("sparsity_config", "{\"format\":\"sparse-24-bitmask\"}", "format is 'sparse-24-bitmask'; sparse weights are not supported")]
    public void OtherConfigurationsAreRefused(string key, string value, string message) =>
        RefusedConfig(json => json["quantization_config"]![key] = JsonNode.Parse(value), message);

    [Test]
    public void GroupsThatDifferAreRefused() => RefusedConfig(json =>
    {
        JsonNode other = Group(json).DeepClone();
        other["weights"]!["strategy"] = "tensor";
        json["quantization_config"]!["config_groups"]!["group_1"] = other;
    }, "strategy differs from that of another group");

    private static string GoldenPath => Path.Combine(TestData.FindGolden("formats")!, "ct-float-quantized");

    private static string Compressed(string strategy) =>
        """{"quant_method":"compressed-tensors","format":"float-quantized","config_groups":{"g":{"weights":{"type":"float","num_bits":8,"""
        + strategy + "}}}}";

    private static JsonNode Group(JsonNode json) => json["quantization_config"]!["config_groups"]!["group_0"]!;

    private static JsonNode Weights(JsonNode json) => Group(json)["weights"]!;

    /// <summary>The golden checkpoint with changes to <see cref="Matrix"/>, [136, 96], and its scales, bf16 [136, 1].</summary>
    /// <param name="codes">The code of an element in the place of its own.</param>
    /// <param name="scales">The bytes of the scales.</param>
    /// <param name="scale">Another tensor of scales; none if it has no type.</param>
    private string Golden(string name = "model", Func<int, byte?>? codes = null, Func<byte[], byte[]>? scales = null,
        (string Dtype, long[] Shape, byte[] Bytes)? scale = null, Action<JsonNode>? config = null, Action<SafetensorsWriter>? added = null)
    {
        if (TestData.FindGolden("formats") == null)
            Assert.Ignore("no golden data of formats");
        return CheckpointCopy.Make(GoldenPath, _folder.File(name), (info, bytes) =>
        {
            if (info.Name == Matrix + ".weight_scale")
            {
                (string Dtype, long[], byte[]) changed = scale ?? (info.Dtype.FileName(), [.. info.Shape], scales?.Invoke(bytes) ?? bytes);
                return changed.Dtype.Length == 0 ? null : changed;
            }
            if (info.Name == Matrix + ".weight" && codes != null)
                bytes = [.. bytes.Select((code, i) => codes(i) ?? code)];
            return (info.Dtype.FileName(), [.. info.Shape], bytes);
        }, added, config);
    }

    /// <summary>A golden model with random 8-bit floats, and the same numbers in f32.</summary>
    private (string Quantized, string Exact) WithGrid(string name, string dtype)
    {
        (_, int? high, int? wide, string suffix, string config) = Grids.Single(grid => grid.Name == name);
        string from = Path.Combine(TestData.FindGolden("forward")!, "qwen2");
        Dictionary<string, float[]> exact = [];
        Dictionary<string, (long[] Shape, byte[] Bytes)> scales = [];
        Random random = new(1);
        string quantized = CheckpointCopy.Make(from, _folder.File("quantized"), (info, bytes) =>
        {
            if (info.Shape.Length != 2 || !info.Name.Contains("_proj", StringComparison.Ordinal))
                return (info.Dtype.FileName(), [.. info.Shape], bytes);
            (int rows, int cols) = ((int)info.Shape[0], (int)info.Shape[1]);
            (int blockRows, int blockCols) = (high is int r ? (rows + r - 1) / r : 1, wide is int c ? (cols + c - 1) / c : 1);
            byte[] codes = [.. Enumerable.Range(0, rows * cols).Select(_ => (byte)(random.Next(2) << 7 | random.Next(0x7F)))];
            float[] grid = [.. Enumerable.Range(0, blockRows * blockCols).Select(_ => Narrow((float)(0.001 * (1 + random.NextDouble())), dtype))];
            exact[info.Name] = [.. codes.Select((code, i) => E4M3.ToSingle(code) * grid[i / cols / (high ?? rows) * blockCols + i % cols / (wide ?? cols)])];
            scales[info.Name[..^".weight".Length] + suffix] = ([blockRows, blockCols], Store(grid, dtype));
            return ("F8_E4M3", [rows, cols], codes);
        }, writer =>
        {
            foreach ((string scale, (long[] shape, byte[] bytes)) in scales)
                writer.Add(scale, dtype, shape, bytes);
        }, json => json["quantization_config"] = JsonNode.Parse(config));
        string decoded = CheckpointCopy.Make(from, _folder.File("decoded"), (info, bytes) => exact.TryGetValue(info.Name, out float[]? values)
            ? ("F32", [.. info.Shape], MemoryMarshal.AsBytes(values.AsSpan()).ToArray())
            : (info.Dtype.FileName(), [.. info.Shape], bytes));
        return (quantized, decoded);
    }

    private static float Narrow(float value, string dtype) => dtype switch
    {
        "F16" => (float)(Half)value,
        "BF16" => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(value) & 0xFFFF0000),
        _ => value,
    };

    private static byte[] Store(float[] values, string dtype) => dtype switch
    {
        "F16" => [.. values.SelectMany(value => BitConverter.GetBytes((Half)value))],
        "BF16" => [.. values.SelectMany(value => BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits(value) >> 16)))],
        _ => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
    };

    private static float[] Logits(string model)
    {
        const int Tokens = 9;
        using Checkpoint checkpoint = Checkpoint.Open(model);
        using ForwardPass pass = new(TestDevice.Cpu, checkpoint, KvDtype.F32, 1, Tokens, Tokens);
        return pass.Logits((ConceptToken[])[.. Enumerable.Range(1, Tokens).Select(id => new ConceptToken(id * 11))], 0);
    }

    private void RefusedConfig(Action<JsonNode> config, string message)
    {
        string model = Golden(config: config);
        Assert.That(() => Checkpoint.Open(model).Dispose(), Throws.InstanceOf<ModelFileException>()
            .With.Message.StartsWith(Path.Combine(model, "config.json") + ": quantization_config").And.Message.Contains(message));
    }

    private static void Refused(string model, string message) =>
        Assert.That(() => Logits(model), Throws.InstanceOf<ModelFileException>().With.Message.StartsWith(model).And.Message.Contains(message));
}
