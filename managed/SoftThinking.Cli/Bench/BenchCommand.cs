using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>`bench`: measures the speed of a model relative to the peak rates of the machine.</summary>
internal static class BenchCommand
{
    private static readonly string[] Examples =
    [
        "bench",
        "bench --shape qwen2.5-0.5b --batch 1,8 --greedy",
        "bench --shape qwen3-8b --batch 1 --context 8192 --repeat 1",
        "bench --prompt 32 --concurrent 16",
        "bench --shape qwen2.5-0.5b --batch 1 --strategy all",
        "bench --model ~/models/Qwen3-0.6B --prefix --json | jq .results",
    ];

    public static Command Create(Terminal terminal)
    {
        BenchOptions options = new();
        GroupedCommand command = new("bench",
            "Measures prefill and decode, and reports them as fractions of the machine's peak: its memory bandwidth and multiply-adds "
            + "are measured first. Sequences use soft thinking throughout; identical runs yield identical hashes.",
            options.Groups, Examples);
        command.SetAction((parsed, cancellation) => RunAsync(options.Read(parsed), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(BenchSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        Benchmark benchmark = new(settings, cancellation);
        Task<BenchReport> running = Task.Run(benchmark.RunAsync, cancellation);
        ProgressBar.ShowWhile(running, terminal, () => (benchmark.Phase, benchmark.Done));
        BenchReport report = await running;
        if (settings.Json)
            BenchJson.Write(terminal.Out, report);
        else
            BenchText.Write(terminal, report);
        return ExitCode.Success;
    }
}
