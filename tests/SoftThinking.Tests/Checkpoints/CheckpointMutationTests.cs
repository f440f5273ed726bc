using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Checkpoints;
using SoftThinking.Interop;
using SoftThinking.Models;
using SoftThinking.Tests.Golden;
using SoftThinking.Tests.Quantization;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>Quantized checkpoints, and ones with experts, with random damage either load and compute logits, be they NaN, or are refused with a
/// <see cref="ModelFileException"/> that names the file. Seeds are fixed, so that a failure repeats. SOFTTHINKING_MUTATIONS is the number of
/// mutations of each case.</summary>
internal sealed class CheckpointMutationTests
{
    private const int Preset = 60, Tokens = 5;

    /// <summary>Far above what a mutation takes, for a machine that is busy.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(60);

    private const string Dense = """
        {"architectures":["Qwen3ForCausalLM"],"hidden_size":136,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":16,
         "intermediate_size":40,"vocab_size":40,"max_position_embeddings":256,"rms_norm_eps":1e-06,"rope_theta":10000.0,"tie_word_embeddings":false,
         "use_sliding_window":true,"sliding_window":3,"max_window_layers":1,"bos_token_id":0,"eos_token_id":1,
         "rope_scaling":{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64}}
        """;

    private const string Experts = """
        {"architectures":["Qwen3MoeForCausalLM"],"hidden_size":136,"num_hidden_layers":2,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":16,
         "intermediate_size":40,"vocab_size":40,"max_position_embeddings":256,"rms_norm_eps":1e-06,"rope_theta":10000.0,"tie_word_embeddings":true,
         "num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":24,"norm_topk_prob":true,"mlp_only_layers":[1],"decoder_sparse_step":1}
        """;

    private static int Mutations => Environment.GetEnvironmentVariable("SOFTTHINKING_MUTATIONS") is { Length: > 0 } given
        ? int.Parse(given, NumberStyles.None, CultureInfo.InvariantCulture)
        : Preset;

    [Test]
    public void DamagedSettings([Values("fp8 blocks", "compressed-tensors", "int8", "experts", "experts, compressed-tensors", "experts, int8")] string kind) =>
        Attack(kind, "config.json", (good, random) => random.Next(3) == 0 ? Mutation.OfBytes(good, random) : Mutation.OfJson(good, random), 0.02, 0.3);

    [Test]
    public void DamagedHeaders([Values("fp8 blocks", "compressed-tensors", "int8", "experts", "experts, compressed-tensors", "experts, int8")] string kind) =>
        Attack(kind, "model.safetensors", Mutation.OfHeader, 0.005, 0.5);

    [Test]
    public void DamagedWeights([Values("fp8 blocks", "compressed-tensors", "int8", "experts", "experts, compressed-tensors", "experts, int8")] string kind) =>
        Attack(kind, "model.safetensors", Mutation.OfData, 0.2, 0);

    /// <param name="least">The part of the mutations that loads at least.</param>
    /// <param name="leastRefused">The part that is refused at least.</param>
    private static void Attack(string kind, string file, Func<byte[], Random, byte[]> mutate, double least, double leastRefused)
    {
        using TempFolder folder = new();
        string model = Build(kind, folder);
        byte[] good = File.ReadAllBytes(Path.Combine(model, file));
        using Device device = TestDevice.Cpu.Open(NativeDtype.F32);
        Assert.That(Load(model, device), Is.Null, "undamaged");
        Random random = new(1);
        (int loaded, int refused) = (0, 0);
        for (int i = 0; i < Mutations; i++)
        {
            File.WriteAllBytes(Path.Combine(model, file), mutate(good, random));
            Stopwatch clock = Stopwatch.StartNew();
            try
            {
                if (Load(model, device) is not ModelFileException refusal)
                    loaded++;
                else if (Path.GetDirectoryName(refusal.File) == model && refusal.Message.StartsWith(refusal.File + ": ", StringComparison.Ordinal))
                    refused++;
                else
                    Fail($"the message names no file: {refusal.Message}");
            }
            catch (Exception error) when (error is not AssertionException)
            {
                Fail(error.ToString());
            }
            if (clock.Elapsed > Longest)
                Fail($"took {clock.Elapsed}");

            void Fail(string problem)
            {
                string kept = Path.Combine(Path.GetTempPath(), "softthinking-mutation-" + file);
                File.Copy(Path.Combine(model, file), kept, overwrite: true);
                Assert.Fail($"mutation {i}, kept as {kept}: {problem}");
            }
        }
        TestContext.Out.WriteLine($"{kind}, {TestContext.CurrentContext.Test.MethodName}: {loaded} loaded, {refused} refused");
        Assert.That(loaded, Is.GreaterThanOrEqualTo((int)(least * Mutations)));
        Assert.That(refused, Is.GreaterThanOrEqualTo((int)(leastRefused * Mutations)));
    }

    /// <returns>Why it is refused; null: it is not, and one pass was computed.</returns>
    private static ModelFileException? Load(string model, Device device)
    {
        try
        {
            using Checkpoint checkpoint = Checkpoint.Open(model);
            ModelWeights.Measure(checkpoint, ModelShard.All(checkpoint.Config), WeightFormat.Stored, device); // most fail here, without a thread
            using ForwardPass pass = new(TestDevice.Cpu, checkpoint, KvDtype.Bf16, 1, Tokens, Tokens);
            float[] logits = pass.Logits((ConceptToken[])[.. Enumerable.Range(1, Tokens).Select(id => new ConceptToken(id))], 0);
            Assert.That(logits, Has.Length.EqualTo(Tokens * checkpoint.Config.VocabularySize));
            return null;
        }
        catch (ModelFileException refusal)
        {
            return refusal;
        }
    }

    private static string Build(string kind, TempFolder folder)
    {
        string plain = WriteRandom(folder, kind.StartsWith("experts", StringComparison.Ordinal) ? Experts : Dense), quantized = folder.File("quantized");
        switch (kind)
        {
            case "experts":
                return plain;
            case "fp8 blocks":
                return WithBlocks(plain, quantized);
            default:
                ModelQuantization.Quantize(plain, quantized, kind.EndsWith("int8", StringComparison.Ordinal) ? WeightFormat.Int8 : WeightFormat.Fp8);
                return quantized;
        }
    }

    private static string WriteRandom(TempFolder folder, string settings)
    {
        string model = Directory.CreateDirectory(folder.File("plain")).FullName;
        File.WriteAllText(Path.Combine(model, "config.json"), settings);
        ModelTensors tensors = ModelTensors.Of(ModelShard.All(ModelConfig.Load(Path.Combine(model, "config.json"))));
        SafetensorsWriter writer = new();
        Random random = new(7);
        foreach ((string name, (int rows, int cols)) in tensors.StoredMatrices)
            writer.Add(name, "BF16", [rows, cols], Uniform(rows * cols, 0, 0.1));
        foreach ((string name, int elements) in tensors.StoredVectors)
            writer.Add(name, "BF16", [elements], Uniform(elements, 1, 0.3));
        File.WriteAllBytes(Path.Combine(model, "model.safetensors"), writer.ToBytes());
        return model;

        byte[] Uniform(int count, double center, double spread) => [.. Enumerable.Range(0, count).SelectMany(_ =>
            BitConverter.GetBytes((ushort)(BitConverter.SingleToUInt32Bits((float)(center + spread * (2 * random.NextDouble() - 1))) >> 16)))];
    }

    /// <summary>The same shapes with random codes, and scales of blocks of 128 x 128.</summary>
    private static string WithBlocks(string plain, string to)
    {
        Random random = new(8);
        List<(string Name, long[] Shape)> scales = [];
        return CheckpointCopy.Make(plain, to, (info, bytes) =>
        {
            if (info.Shape.Length != 2 || !info.Name.Contains("_proj", StringComparison.Ordinal))
                return (info.Dtype.FileName(), [.. info.Shape], bytes);
            scales.Add((info.Name + "_scale_inv", [(info.Shape[0] + 127) / 128, (info.Shape[1] + 127) / 128]));
            return ("F8_E4M3", [.. info.Shape], [.. Enumerable.Range(0, bytes.Length / 2).Select(_ => (byte)(random.Next(2) << 7 | random.Next(0x7F)))]);
        }, writer => scales.ForEach(scale => writer.Add(scale.Name, scale.Shape, [.. Enumerable.Repeat(0.001f, (int)(scale.Shape[0] * scale.Shape[1]))])),
            json => json["quantization_config"] = JsonNode.Parse("""{"quant_method":"fp8","weight_block_size":[128,128],"modules_to_not_convert":["lm_head"]}"""));
    }
}
