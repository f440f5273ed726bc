using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;

namespace SoftThinking.Cli;

/// <summary>`quantize`: writes a checkpoint with its matrices in 8 bits.</summary>
internal static class QuantizeCommand
{
    private static readonly Option<string> Output = new("--output")
    {
        Description = "Directory of the new checkpoint. On failure no file is written.",
        HelpName = "DIR",
        Required = true,
        Validators = { OptionKinds.RefuseEmpty("--output") },
    };

    private static readonly Option<string> To = CommonOptions.Choice("--to",
        "Format of the matrices: int8 (blocks of 32 integers with a common scale; other programs do not read them) or fp8 (8-bit floats with a scale "
        + "for each row, in all but the embedding and the LM head: a compressed-tensors checkpoint, which vLLM and transformers read).", "int8", "fp8");

    private static readonly Option<bool> Force = new("--force")
    {
        Description = "Write into a directory that is not empty: files of the same names are replaced, others are kept.",
    };

    private static readonly Option<bool> Json = new("--json") { Description = "Print one JSON object." };

    private static readonly string[] Examples =
    [
        "quantize --model ~/models/Qwen3-0.6B --output Qwen3-0.6B-int8",
        "quantize --model ~/models/QwQ-32B --to fp8 --output QwQ-32B-FP8",
        "quantize --output tiny-int8 --force --json | jq .relative_error",
    ];

    public static Command Create(Terminal terminal)
    {
        GroupedCommand command = new("quantize",
            "Writes a copy of a checkpoint with its matrices in 8 bits: about half the size of bf16. The output of the copy is that of --weights "
            + "int8 or fp8 with the original, bit for bit.",
            [new("options", [CommonOptions.Model, Output, To, Force, Json])], Examples);
        command.SetAction((parsed, cancellation) => Task.FromResult(Run(parsed, terminal, cancellation)));
        return command;
    }

    private static int Run(ParseResult parsed, Terminal terminal, CancellationToken cancellation)
    {
        (string? model, string output) = (parsed.GetValue(CommonOptions.Model), parsed.GetValue(Output)!);
        string name = model ?? DemonstrationModel.Name;
        WeightFormat to = parsed.GetValue(To) == "fp8" ? WeightFormat.Fp8 : WeightFormat.Int8;
        bool force = parsed.GetValue(Force);
        double done = 0;
        Stopwatch clock = Stopwatch.StartNew();
        Task<QuantizationReport> work = Task.Run(() => ModelQuantization.Quantize(
            model ?? DemonstrationModel.Path, output, to, force, fraction => Volatile.Write(ref done, fraction), cancellation));
        ProgressBar.ShowWhile(work, terminal, () => ($"quantizing {name}", Volatile.Read(ref done)));
        QuantizationReport report = work.GetAwaiter().GetResult();
        if (parsed.GetValue(Json))
            JsonLine.Write(terminal.Out, json => Write(json, name, output, to, report, clock.Elapsed));
        else
            Write(terminal.Out, output, to, report, clock.Elapsed);
        return ExitCode.Success;
    }

    private static void Write(TextWriter text, string output, WeightFormat to, QuantizationReport report, TimeSpan time)
    {
        text.WriteLine(Text($"wrote {report.Files.Count} files to {output}: {string.Join(", ", report.Files)}"));
        text.WriteLine(Text($"{report.Matrices} matrices, {report.MatrixElements:N0} weights, are now {(to == WeightFormat.Fp8 ? "8-bit floats" : "8-bit blocks")}; everything else is unchanged"));
        text.WriteLine(Text($"tensors: {SizeText.Of(report.BytesBefore)} before, {SizeText.Of(report.BytesAfter)} after, ")
            + Text($"{100.0 * report.BytesAfter / report.BytesBefore:N1} %; {time.TotalSeconds:N1} s"));
        text.WriteLine(Text($"relative error: {report.RelativeError:0.00000}, root mean square of the rounding errors over that of the weights"));
    }

    private static void Write(Utf8JsonWriter json, string model, string output, WeightFormat to, QuantizationReport report, TimeSpan time)
    {
        json.WriteString("model", model);
        json.WriteString("output", output);
        json.WriteString("to", to == WeightFormat.Fp8 ? "fp8" : "int8");
        json.WriteStartArray("files");
        foreach (string file in report.Files)
            json.WriteStringValue(file);
        json.WriteEndArray();
        json.WriteNumber("matrices", report.Matrices);
        json.WriteNumber("matrix_elements", report.MatrixElements);
        json.WriteNumber("bytes_before", report.BytesBefore);
        json.WriteNumber("bytes_after", report.BytesAfter);
        json.WriteNumber("relative_error", report.RelativeError);
        json.WriteNumber("seconds", Math.Round(time.TotalSeconds, 3));
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
