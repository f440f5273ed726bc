using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Records;
using SoftThinking.Tests.Checkpoints;
using SoftThinking.Tests.Cli;

namespace SoftThinking.Tests.Records;

/// <summary>Files of recorded samples.</summary>
public class RecordFileTests
{
    private static readonly SamplingOptions[] Options =
    [
        new() { Seed = 1 },
        new() { Strategy = new SwiReasoningStrategy { Window = 1 }, Seed = 2, MaxThinkingTokens = 20 },
        new() { Strategy = new SoftGrpoStrategy(), Seed = ulong.MaxValue, Cusum = new() },
        new() { Strategy = new MixtureOfInputsStrategy(), SoftThinking = false, Seed = 3 },
    ];

    [Test]
    public async Task WhatIsReadIsWhatWasGeneratedBitForBit()
    {
        using TempFolder folder = new();
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Device = ComputeDevice.Cpu, MaxTopk = 1024 });
        RecordWriter writer = new("a model");
        List<(GenerationRequest Request, GeneratedSample Sample)> made = [];
        foreach (SamplingOptions options in Options)
        {
            GenerationRequest request = GenerationRequest.FromQuestion($"What is {made.Count} + 5?") with { Sampling = options, MaxNewTokens = 40 + made.Count, Record = true };
            GeneratedSample sample = (await engine.GenerateAsync(request)).Samples[0];
            made.Add((request, sample));
            writer.Add(engine.Encode(request.Prompt), request, sample, number: 7, index: made.Count);
        }
        writer.Save(folder.Write("records", "an older file"));
        RecordFile file = RecordFile.Read(folder.File("records"));

        Assert.That((file.Model, file.Samples.Count, writer.Count), Is.EqualTo(("a model", Options.Length, Options.Length)));
        Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
        for (int i = 0; i < made.Count; i++)
            Check(engine, file.Samples[i], made[i].Request, made[i].Sample, i);
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void ALinkIsFollowedAndAPipeStays()
    {
        using TempFolder folder = new();
        File.CreateSymbolicLink(folder.File("link"), "records");
        new RecordWriter("a model").Save(folder.File("link"));
        Assert.That((RecordFile.Read(folder.File("records")).Model, new FileInfo(folder.File("link")).LinkTarget), Is.EqualTo(("a model", "records")));

        string pipe = folder.File("pipe");
        Assert.That(Tool.Run(["mkfifo", pipe]).ExitCode, Is.Zero);
        Assert.That(() => new RecordWriter("a model").Save(pipe), Throws.TypeOf<IOException>().With.Message.EqualTo($"'{pipe}' is a device or a pipe, not a file"));
        Assert.That(Tool.Run(["test", "-p", pipe]).ExitCode, Is.Zero);
    }

    private static void Check(Engine engine, RecordedSample read, GenerationRequest request, GeneratedSample sample, int i)
    {
        Assert.That((read.Request, read.Index, read.MaxNewTokens, read.FinishReason), Is.EqualTo((7, i + 1, request.MaxNewTokens, sample.FinishReason)));
        Assert.That(read.Prompt, Is.EqualTo(engine.Encode(request.Prompt)));
        Assert.That(Text(read.Sampling), Is.EqualTo(Text(request.Sampling)));
        Assert.That(read.Tokens.Select(token => (token.Token, token.Soft)), Is.EqualTo(sample.Tokens.Select(token => (token.Token, token.Soft))));
        Assert.That(read.Tokens.Select(token => Text(token.Record)), Is.EqualTo(sample.Tokens.Select(token => Text(token.Record!))));
    }

    // As text, because records with arrays compare them by reference.
    private static string Text(object value) => JsonSerializer.Serialize(value, value.GetType(),
        new JsonSerializerOptions { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals });

    [Test]
    public async Task OnlyRecordedSamplesOfPlainPromptsAreTaken()
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Device = ComputeDevice.Cpu });
        GenerationRequest request = GenerationRequest.FromQuestion("What is 1 + 5?") with { MaxNewTokens = 2 };
        GeneratedSample plain = (await engine.GenerateAsync(request)).Samples[0];
        GeneratedSample recorded = (await engine.GenerateAsync(request with { Record = true })).Samples[0];
        RecordWriter writer = new("a model");

        Assert.That(() => writer.Add([new ConceptToken(1)], request, plain), Throws.ArgumentException.With.Message.StartsWith("the sample is not recorded"));
        Assert.That(() => writer.Add([new ConceptToken(1, [new(1, 0.5f), new(2, 0.5f)])], request, recorded), Throws.ArgumentException.With.Message.StartsWith("the prompt has concept tokens"));
        Assert.That(writer.Count, Is.Zero);
    }

    [TestCase("sequence_start", 1, 1L << 40)]
    [TestCase("sequence_start", 1, -1L)]
    [TestCase("sequence_start", 0, long.MinValue)]
    [TestCase("prompt_start", 1, long.MaxValue)]
    [TestCase("entry_start", 1, 0L)]
    [TestCase("entry_start", 2, 1L << 62)]
    [TestCase("options", 0, 1L)]
    [TestCase("token", 0, -1L)]
    [TestCase("stop", 0, 7L)]
    [TestCase("finished", 0, 4L)]
    [TestCase("weights", 0, 0x7FC00000L)]
    public async Task ABrokenFileIsAnError(string tensor, int index, long value)
    {
        using TempFolder folder = new();
        string path = await WriteAsync(folder);
        byte[] bytes = File.ReadAllBytes(path);
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        JsonElement info = JsonElement.Parse(bytes.AsSpan(8, header)).GetProperty(tensor);
        int size = info.GetProperty("dtype").GetString() switch { "I64" => 8, "U8" => 1, _ => 4 };
        byte[] number = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(number, value);
        number.AsSpan(0, size).CopyTo(bytes.AsSpan(8 + header + info.GetProperty("data_offsets")[0].GetInt32() + index * size));
        File.WriteAllBytes(path, bytes);

        Assert.That(() => RecordFile.Read(path), Throws.TypeOf<ModelFileException>().With.Message.StartsWith($"{path}: the records are broken: "));
    }

    [TestCase("softthinking-record", "softthinking-recorf", "not a file of records")]
    [TestCase("\"token_log_p1\"", "\"token_log_p2\"", "the tensor 'token_log_p1' is missing")]
    [TestCase("\"stop\":{\"dtype\":\"U8\"", "\"stop\":{\"dtype\":\"I8\"", "the tensor 'stop' is not a list of U8")]
    [TestCase("temperature", "temperaturf", "unknown key")]
    public async Task AnotherKindOfFileIsAnError(string text, string replacement, string error)
    {
        using TempFolder folder = new();
        string path = await WriteAsync(folder);
        File.WriteAllText(path, File.ReadAllText(path, Encoding.Latin1).Replace(text, replacement, StringComparison.Ordinal), Encoding.Latin1);

        Assert.That(() => RecordFile.Read(path), Throws.TypeOf<ModelFileException>().With.Message.Contains(error));
    }

    [Test]
    public void TheCommandLineRecordsWhatIsComplete()
    {
        using TempFolder folder = new();
        string lines = """
            {"prompt": "What is 1 + 2?", "strategy": "gumbel"}
            {"prompt": "What is 4 + 2?", "beta": 1}
            {"prompt": "What is 4 + 3?", "samples": 2, "record": true, "strategy": "swireasoning"}
            """;
        CliRun run = CliRun.With(lines, "generate", "--prompts", "-", "--max-new-tokens", "4", "--record", folder.File("records"), "--device", "cpu");
        IReadOnlyList<RecordedSample> samples = RecordFile.Read(folder.File("records")).Samples;

        Assert.That(run.Code, Is.EqualTo(1), run.Error);
        Assert.That(samples.Select(sample => (sample.Request, sample.Index)), Is.EqualTo(new[] { (1, 0), (3, 0), (3, 1) }));
        Assert.That(samples.Select(sample => sample.Sampling.Seed), Is.EqualTo(new ulong?[] { 0, 0, 1 }));
        Assert.That(run.JsonLines.Select(HasRecord), Is.EqualTo(new[] { false, false, true, true }));
        Assert.That(Ids(run.JsonLines[3]), Is.EqualTo(samples[2].Tokens.Select(token => token.Token.Token)));
    }

    private static bool HasRecord(JsonElement line) => line.TryGetProperty("tokens", out JsonElement tokens) && tokens[0].TryGetProperty("record", out _);

    private static IEnumerable<int> Ids(JsonElement line) => line.GetProperty("tokens").EnumerateArray().Select(token => token.GetProperty("token").GetInt32());

    [Test]
    public void OneAnswerIsRecordedToo()
    {
        using TempFolder folder = new();
        CliRun run = CliRun.Ask("--max-new-tokens", "4", "--record", folder.File("records"), "--trace", folder.File("trace"), "--device", "cpu");

        Assert.That(RecordFile.Read(folder.File("records")).Samples.Single().Tokens.Select(token => token.Token.Token), Is.EqualTo(Ids(run.Json)));
        Assert.That(HasRecord(run.Json), Is.False);
        Assert.That(File.ReadAllLines(folder.File("trace")).Select(line => JsonElement.Parse(line).TryGetProperty("record", out _)), Is.EqualTo(new[] { true, true, true, true }));
    }

    [Test]
    public void AFileThatCannotBeWrittenIsAnErrorAtTheStart()
    {
        using TempFolder folder = new();
        CliRun missing = CliRun.Ask("--record", Path.Combine(folder.Path, "missing", "records")), directory = CliRun.Ask("--record", folder.Path);

        Assert.That((missing.Code, missing.Out), Is.EqualTo((1, "")));
        Assert.That(missing.Error, Does.Contain("--record: "));
        Assert.That(directory.Error, Does.Contain("is a directory"));
    }

    private static async Task<string> WriteAsync(TempFolder folder)
    {
        await using Engine engine = Engine.Load(TestData.TinyReasoner, new EngineOptions { Device = ComputeDevice.Cpu });
        GenerationRequest request = GenerationRequest.FromQuestion("What is 1 + 5?") with { MaxNewTokens = 3, Record = true, Sampling = new() { Seed = 0 } };
        RecordWriter writer = new("a model");
        writer.Add(engine.Encode(request.Prompt), request, (await engine.GenerateAsync(request)).Samples[0]);
        writer.Save(folder.File("records"));
        return folder.File("records");
    }
}
