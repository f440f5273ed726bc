using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`quantize` of the demonstration model: what it prints, and what the other commands make of its output.</summary>
public class QuantizeTests
{
    [Test]
    public void TheOutputGeneratesWhatInt8WeightsDo()
    {
        using TempFolder folder = new();
        CliRun run = CliRun.Of("quantize", "--output", folder.File("int8"));
        JsonElement rounded = CliRun.Ask("--weights", "int8").Json, written = CliRun.Ask("--model", folder.File("int8")).Json;

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Error, Is.Empty);
        Assert.That(rounded.GetProperty("tokens").GetArrayLength(), Is.GreaterThan(50));
        Assert.That(written.GetProperty("tokens").GetRawText(), Is.EqualTo(rounded.GetProperty("tokens").GetRawText()), "ids, weights, entropies");
    }

    [Test]
    public void PeopleSeeWhatWasWritten()
    {
        using TempFolder folder = new();
        CliRun run = CliRun.Of("quantize", "--output", folder.File("int8"));

        Assert.That(run.Out, Does.Match(@"^wrote 7 files to .*int8: model\.safetensors, .*config\.json"));
        Assert.That(run.Out, Does.Contain("36 matrices, 2,053,440 weights").And.Contain("3.92 MiB before, 2.09 MiB after, 53.2 %"));
        Assert.That(run.Out, Does.Match(@"(?m)^relative error: 0\.00\d{3}, "));
        Assert.That(run.Out, Does.Not.Contain('\e'));
    }

    [Test]
    public void JsonHoldsTheSame()
    {
        using TempFolder folder = new();
        JsonElement json = CliRun.Of("quantize", "--output", folder.File("int8"), "--json").Json;

        Assert.That(json.EnumerateObject().Select(property => property.Name), Is.EqualTo(new[]
        {
            "model", "output", "to", "files", "matrices", "matrix_elements", "bytes_before", "bytes_after", "relative_error", "seconds",
        }));
        Assert.That(json.GetProperty("model").GetString(), Is.EqualTo("tiny-reasoner"));
        Assert.That(json.GetProperty("output").GetString(), Is.EqualTo(folder.File("int8")));
        Assert.That(json.GetProperty("files").EnumerateArray().Select(file => file.GetString()),
            Is.EquivalentTo(Directory.EnumerateFiles(folder.File("int8")).Select(path => Path.GetFileName(path))));
        Assert.That(json.GetProperty("matrices").GetInt32(), Is.EqualTo(36));
        Assert.That(json.GetProperty("bytes_before").GetInt64(), Is.EqualTo(2 * 2_057_152));
        Assert.That(json.GetProperty("bytes_after").GetInt64(), Is.EqualTo(2_053_440 / 32 * 34 + 2 * (2_057_152 - 2_053_440)));
        Assert.That(json.GetProperty("relative_error").GetDouble(), Is.InRange(0.003, 0.01));
    }

    [Test]
    public void FloatsOf8BitsGenerateWhatFp8WeightsDo()
    {
        using TempFolder folder = new();
        CliRun run = CliRun.Of("quantize", "--to", "fp8", "--output", folder.File("fp8"));
        JsonElement rounded = CliRun.Ask("--weights", "fp8").Json, written = CliRun.Ask("--model", folder.File("fp8")).Json;
        JsonElement json = CliRun.Of("quantize", "--to", "fp8", "--output", folder.File("again"), "--json").Json;

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Match(@"(?m)^35 matrices, 1,9\d\d,\d{3} weights, are now 8-bit floats; ").And.Match(@"(?m)^relative error: 0\.02\d{3}, "));
        Assert.That(written.GetProperty("tokens").GetRawText(), Is.EqualTo(rounded.GetProperty("tokens").GetRawText()), "ids, weights, entropies");
        Assert.That(json.GetProperty("to").GetString(), Is.EqualTo("fp8"));
    }

    [Test]
    public void OtherFormatsAreRefused()
    {
        CliRun run = CliRun.Of("quantize", "--to", "int4", "--output", "x");

        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Does.StartWith("error: --to must be int8 or fp8, not 'int4'\n"));
    }

    [Test]
    public void ADirectoryWithFilesNeedsForce()
    {
        using TempFolder folder = new();
        folder.Write("notes.txt", "mine");
        CliRun refused = CliRun.Of("quantize", "--output", folder.Path), forced = CliRun.Of("quantize", "--output", folder.Path, "--force");

        Assert.That((refused.Code, refused.Out), Is.EqualTo((1, "")));
        Assert.That(refused.Error, Does.StartWith($"error: {folder.Path}: ").And.Contain("--force").And.Match(@"^[^\n]*\n$"));
        Assert.That(forced.Code, Is.Zero, forced.Error);
        Assert.That(File.ReadAllText(folder.File("notes.txt")), Is.EqualTo("mine"));
    }

    [Test]
    public void AnInterruptionLeavesNothingBehind()
    {
        using TempFolder folder = new();
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        using StringWriter output = new(), error = new();
        CliRun run = CliRun.Run(null, output, error, ["quantize", "--output", folder.File("int8")], cancellation: cancellation.Token);

        Assert.That((run.Code, run.Out, run.Error), Is.EqualTo((130, "", "")));
        Assert.That(Directory.EnumerateFileSystemEntries(folder.Path), Is.Empty);
    }

    [Test]
    public void TheOutputMustBeNamed()
    {
        CliRun run = CliRun.Of("quantize");

        Assert.That(run.Code, Is.EqualTo(2));
        Assert.That(run.Error, Does.StartWith("error: ").And.Contain("--output"));
    }

    [Test]
    public void AMissingModelIsAnError()
    {
        CliRun run = CliRun.Of("quantize", "--model", "no-such-model", "--output", "x");

        Assert.That(run.Code, Is.EqualTo(1));
        Assert.That(run.Error, Does.StartWith("error: no-such-model: "));
        Assert.That(Directory.Exists("x"), Is.False);
    }

    [Test]
    public void HelpNamesItsOptions()
    {
        string help = CliRun.Of("quantize", "--help").Out;

        foreach (string option in new[] { "--model DIR", "--output DIR", "--to int8|fp8", "--force", "--json" })
            Assert.That(help, Does.Contain($"  {option} "));
    }
}
