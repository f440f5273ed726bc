using SoftThinking.Diagnostics;
using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>Prints the results of `bench` as a table with an explanation of its columns; as Markdown if redirected.</summary>
internal static class BenchText
{
    public static void Write(Terminal terminal, BenchReport report)
    {
        TextWriter output = terminal.Out;
        BenchSettings settings = report.Settings;
        output.WriteLine(MachineLine(report.Machine));
        output.WriteLine(ModelLine(report));
        if (report.Load is LoadResult load)
            output.WriteLine(LoadLine(load));
        if (report.FastPrefill is FastPrefillStatus fast)
            output.WriteLine($"fast prefill: {(fast.InEffect ? "by " : "no effect: ")}{fast.Note}");
        output.WriteLine();
        WriteTable(terminal, report);
        output.WriteLine();
        output.WriteLine(Text($"Prompts of {settings.Prompt} tokens, {settings.Generate} tokens decoded after {settings.Context} positions; best of {settings.Repeat}."));
        output.WriteLine("of arithmetic: fraction of the machine's multiply-adds per second; of bandwidth: fraction of its read bandwidth,");
        output.WriteLine("measured before and after each repetition; the median. An engine step reads all weights, and the KV cache of each sequence.");
        output.WriteLine("A figure above 100 % means that the weights fit in the CPU cache, or that other processes slowed the bandwidth measurement.");
        output.WriteLine("first token: ms from submission, averaged over the batch. memory: peak resident memory, in MiB.");
        if (settings.Greedy)
            output.WriteLine("soft costs: overhead of an engine step with soft thinking relative to a greedy one, the median of the repetitions.");
        if (report.Strategies.Count > 0)
            WriteStrategies(terminal, report);
        if (report.Concurrency is ConcurrencyResult concurrency)
            WriteConcurrency(output, settings, concurrency);
        if (report.Http is HttpResult http)
            WriteHttp(output, settings, http);
        if (report.PrefixReuse is PrefixResult prefix)
            WritePrefix(output, prefix);
        foreach (ProfileResult profile in report.Profiles)
        {
            WriteProfile(terminal, report, $"prefill of batch {profile.Batch}", profile.Prefill);
            WriteProfile(terminal, report, $"decode of batch {profile.Batch}", profile.Decode);
        }
    }

    private static string MachineLine(MachineRates machine)
    {
        (string Name, double Rate)[] rates =
            [("f32", machine.MultiplyAddsF32), ("bf16", machine.MultiplyAddsBf16), ("int8", machine.MultiplyAddsInt8)];
        string arithmetic = string.Join(", ", rates.Where(rate => rate.Rate > 0).Select(rate => Text($"{rate.Name} {rate.Rate / 1e9:N0}")));
        string threads = machine.Threads == 1 ? "1 thread" : $"{machine.Threads} threads";
        return Text($"machine: {machine.Device}, {machine.InstructionSet}, {threads}; reads {machine.ReadBandwidth / 1e9:N1} GB/s; ")
            + $"billion multiply-adds per second: {arithmetic}";
    }

    private static string ModelLine(BenchReport report)
    {
        ModelCost cost = report.Cost;
        string weights = report.Settings.Shape == null ? "" : "random weights, ";
        return Text($"model: {report.Settings.ModelName}, {weights}{cost.WeightBytes / 1048576.0:N1} MiB, of which an engine step reads ")
            + Text($"{cost.WeightBytesRead(1) / 1048576.0:N1} MiB for one position; KV cache {cost.KvBytesPerToken / 1024.0:N1} KiB per position");
    }

    private static string LoadLine(LoadResult load) =>
        Text($"load: {load.Seconds:N2} s") + (load.PeakMemoryBytes is long peak
            ? Text($"; peak of {peak / 1048576.0:N1} MiB more resident memory than before, {load.PeakMemoryRatio:N2} times the packed weights")
            : "");

    private static void WriteTable(Terminal terminal, BenchReport report)
    {
        List<(string Title, Func<BenchResult, string> Value)> columns =
        [
            ("batch", result => Text($"{result.Batch}")),
            ("prefill tokens/s", result => Text($"{result.PrefillTokensPerSecond:N1}")),
            ("of arithmetic", result => Percent(report.PrefillArithmetic(result))),
            ("first token", result => Text($"{result.TimeToFirstToken * 1000:N1}")),
            ("decode tokens/s", result => Text($"{result.DecodeTokensPerSecond:N1}")),
            ("of bandwidth", result => Percent(report.DecodeBandwidth(result))),
            ("of arithmetic", result => Percent(report.DecodeArithmetic(result))),
        ];
        if (report.Settings.Greedy)
        {
            columns.Add(("greedy tokens/s", result => Text($"{result.GreedyTokensPerSecond:N1}")));
            columns.Add(("soft costs", result => Percent(result.SoftCost)));
        }
        columns.Add(("memory", result => Text($"{result.PeakMemoryBytes / 1048576.0:N0}")));
        columns.Add(("hash", result => result.OutputHash));
        WriteRows(terminal, columns, report.Results);
    }

    private static void WriteStrategies(Terminal terminal, BenchReport report)
    {
        terminal.Out.WriteLine();
        terminal.Out.WriteLine("Decoding by strategy, best of the repetitions. "
            + "step: ms of an engine step; of greedy: relative to greedy decoding; mixed: mixtures among the tokens.");
        terminal.Out.WriteLine();
        List<(string Title, Func<StrategyResult, string> Value)> columns =
        [
            ("batch", result => Text($"{result.Batch}")),
            ("strategy", result => result.Name),
            ("decode tokens/s", result => Text($"{result.TokensPerSecond:N1}")),
            ("step", result => Text($"{result.StepSeconds * 1000:N3}")),
            ("of greedy", result => Text($"{result.GreedyRatio:N3}")),
            ("mixed", result => Percent(result.MixedFraction)),
        ];
        WriteRows(terminal, columns, report.Strategies);
    }

    /// <summary>The operations of an engine step, in descending order of time.</summary>
    private static void WriteProfile(Terminal terminal, BenchReport report, string title, StepProfile profile)
    {
        double all = profile.Operations.Sum(operation => operation.Seconds);
        terminal.Out.WriteLine();
        terminal.Out.WriteLine(Text($"Engine step of the {title}: {profile.Rows} rows, {all / profile.Steps * 1000:N3} ms, the mean of {profile.Steps}."));
        terminal.Out.WriteLine();
        List<(string Title, Func<OperationProfile, string> Value)> columns =
        [
            ("operation", operation => operation.Name),
            ("calls", operation => Text($"{(double)operation.Calls / profile.Steps:0.#}")),
            ("us each", operation => Text($"{operation.Seconds / operation.Calls * 1e6:N1}")),
            ("of the step", operation => Percent(operation.Seconds / all)),
            ("KiB each", operation => Text($"{operation.Bytes / 1024.0 / operation.Calls:N1}")),
            ("GB/s", operation => Text($"{operation.Bytes / operation.Seconds / 1e9:N1}")),
            ("of its floor", operation => Percent(report.OfFloor(operation))),
        ];
        WriteRows(terminal, columns, [.. profile.Operations.OrderByDescending(operation => operation.Seconds)]);
    }

    private static void WriteRows<T>(Terminal terminal, List<(string Title, Func<T, string> Value)> columns, IReadOnlyList<T> rows)
    {
        if (terminal.StyleOut)
            WriteStyled(terminal, columns, rows);
        else
            WriteMarkdown(terminal.Out, columns, rows);
    }

    private static void WriteStyled<T>(Terminal terminal, List<(string Title, Func<T, string> Value)> columns, IReadOnlyList<T> results)
    {
        Table table = new Table().RoundedBorder().BorderColor(Color.Grey);
        foreach ((string title, _) in columns)
            table.AddColumn(new TableColumn(Markup.Escape(title)).RightAligned());
        foreach (T result in results)
            table.AddRow([.. columns.Select(column => Markup.Escape(column.Value(result)))]);
        terminal.OutConsole.Write(table);
    }

    private static void WriteMarkdown<T>(
        TextWriter output, List<(string Title, Func<T, string> Value)> columns, IReadOnlyList<T> results)
    {
        string[][] rows = [[.. columns.Select(column => column.Title)], .. results.Select(result => columns.Select(column => column.Value(result)).ToArray())];
        int[] widths = [.. columns.Select((_, i) => rows.Max(row => row[i].Length))];
        output.WriteLine(Line(rows[0]));
        output.WriteLine($"| {string.Join(" | ", widths.Select(width => new string('-', width - 1) + ":"))} |");
        foreach (string[] row in rows.Skip(1))
            output.WriteLine(Line(row));

        string Line(string[] row) => $"| {string.Join(" | ", row.Select((cell, i) => cell.PadLeft(widths[i])))} |";
    }

    private static void WriteHttp(TextWriter output, BenchSettings settings, HttpResult http)
    {
        output.WriteLine();
        output.WriteLine(Text($"Through the server, {http.Batch} streams of {settings.Prompt} prompt tokens and {settings.Generate} generated tokens, started one after another: ")
            + Text($"first token after {http.HttpFirstToken * 1000:N1} ms ({http.EngineFirstToken * 1000:N1} ms without HTTP, ratio {http.FirstTokenRatio:N3}), ")
            + Text($"{http.HttpTokensPerSecond:N1} tokens/s ({http.EngineTokensPerSecond:N1} without, ratio {http.ThroughputRatio:N3})."));
    }

    private static void WriteConcurrency(TextWriter output, BenchSettings settings, ConcurrencyResult concurrency)
    {
        output.WriteLine();
        output.WriteLine(Text($"{concurrency.Requests} requests of {settings.Prompt} prompt tokens and {settings.Generate} generated tokens: ")
            + Text($"{concurrency.SequentialSeconds * 1000:N1} ms sequential, {concurrency.ConcurrentSeconds * 1000:N1} ms concurrent, ")
            + Text($"{concurrency.Speedup:N1} times the throughput; the outputs {(concurrency.SameOutput ? "are the same" : "DIFFER")}."));
    }

    private static void WritePrefix(TextWriter output, PrefixResult prefix)
    {
        output.WriteLine();
        output.WriteLine(Text($"First token of {prefix.PromptTokens} prompt tokens: {prefix.ColdSeconds * 1000:N1} ms when new, ")
            + Text($"{prefix.CachedSeconds * 1000:N1} ms when the first {prefix.SharedTokens} are cached ({prefix.CachedTokens} reused): ")
            + Text($"{prefix.Speedup:N1} times sooner."));
    }

    private static string Percent(double fraction) => Text($"{fraction * 100:N1} %");

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
