using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>Prints the results of `inspect`: a table on a terminal, otherwise aligned text.</summary>
internal static class InspectText
{
    private const int Shown = 8, NameWidth = 18; // of a long list

    public static void Write(Terminal terminal, ModelFacts facts)
    {
        (string Title, (string Name, string Value)[] Rows)[] sections =
        [
            ("model", ModelRows(facts)),
            ("memory", MemoryRows(facts)),
            .. facts.Found.Ranks.Count > 1 ? new[] { ("devices", RankRows(facts.Found)) } : [],
            ("tokenizer", TokenizerRows(facts.Found)),
            ("chat template", TemplateRows(facts)),
            ("generation_config.json", DefaultRows(facts.Found)),
        ];
        foreach ((string title, (string, string)[] rows) in sections)
        {
            if (terminal.StyleOut)
                WriteTable(terminal, title, rows);
            else
                WritePlain(terminal.Out, title, rows);
        }
    }

    private static (string, string)[] ModelRows(ModelFacts facts)
    {
        ModelConfig config = facts.Found.Config;
        return
        [
            ("name", facts.Model),
            ("architecture", config.Architecture.ToString()),
            ("parameters", Text($"{facts.Found.Parameters:N0} ({string.Join(", ", facts.Found.Dtypes)})")),
            ("format", facts.Found.Format),
            ("bits per weight", Text($"{facts.Found.BitsPerWeight:0.00}, scales included")),
            ("unused tensors", facts.Found.UnusedTensors is { Length: > 0 } unused ? Listed(unused) : "none"),
            ("layers", Text($"{config.Layers}")),
            .. LayerRows(facts.Found.Layers),
            ("hidden size", Text($"{config.HiddenSize}")),
            ("attention", Text($"query heads {config.Heads}, key-value heads {config.KvHeads}, of size {config.HeadDim}") + Attention(config)),
            .. Windows(config),
            ("feed-forward size", Text($"{config.FfnSize}")),
            ("experts", facts.Found.Experts ?? "none"),
            ("vocabulary", Text($"{config.VocabularySize} rows, LM head {(config.TieWordEmbeddings ? "tied" : "separate")}")),
            ("context", Text($"{config.MaxPositions:N0} tokens")),
            ("RoPE", Text($"theta {config.RopeTheta}, scaling {facts.Found.RopeScaling}")),
            ("norm epsilon", Text($"{config.NormEpsilon}").ToLowerInvariant()),
        ];
    }

    // A line for each kind of layer, with the runs of it.
    private static IEnumerable<(string, string)> LayerRows(IReadOnlyList<LayerInspection> runs) => runs
        .GroupBy(run => run with { First = 0, Last = 0 })
        .Select(kind => (runs.Count == 1 ? "every layer" : "layers alike",
            (runs.Count == 1 ? "" : string.Join(", ", kind.Select(run => run.First == run.Last ? Text($"{run.First}") : Text($"{run.First}-{run.Last}"))) + ": ")
            + Describe(kind.Key)));

    private static string Describe(LayerInspection layer) =>
        (layer.Window is int window ? Text($"attention over a window of {window:N0} tokens") : "full attention")
        + (layer.Rope is string rope ? $", RoPE {rope}" : ", no RoPE")
        + (layer.QkNorm is string norm ? $", q/k norm {norm}" : "")
        + (layer.Experts > 0 ? Text($", {layer.Experts} experts of which {layer.ExpertsPerToken}") : ", dense");

    private static (string, string)[] Windows(ModelConfig config) => config.SlidingWindow is int window
        ? [("sliding window", Text($"{window:N0} tokens in {config.SlidingLayers.Length} of {config.Layers} layers: {string.Join(", ", config.SlidingLayers)}"))]
        : [];

    private static string Attention(ModelConfig config) =>
        (config.QkvBias ? ", q/k/v biases" : "") + (config.OutputBias ? ", output bias" : "") + (config.QkNorm ? ", q/k norms" : "");

    private static (string, string)[] MemoryRows(ModelFacts facts)
    {
        ModelInspection found = facts.Found;
        string dtype = CommonOptions.NameOf(facts.KvDtype);
        return
        [
            ("stored", SizeText.Of(found.StoredBytes)),
            ("weights", SizeText.Of(found.WeightBytes)),
            ("KV cache", $"{SizeText.Of(found.KvBytesPerToken)} per token, {SizeText.Of(found.KvBytes)} for the full context ({dtype})"),
            ("work buffers", SizeText.Of(found.WorkBytes)),
            ("needed", $"{SizeText.Of(found.NeededBytes)} with the full context, {SizeText.Of(found.FreeBytes)} free"
                + (found.NeededBytes > found.FreeBytes ? ": NOT ENOUGH" : "")),
        ];
    }

    private static (string, string)[] RankRows(ModelInspection found) =>
    [
        .. found.Ranks.Select((rank, i) => (Text($"rank {i}"),
            Text($"query heads {Span(rank.Heads)}, key-value heads {Span(rank.KvHeads)}, feed-forward {Span(rank.FfnColumns)}, ids {Span(rank.VocabularyIds)}; ")
            + $"needed {SizeText.Of(rank.NeededBytes)}: weights {SizeText.Of(rank.WeightBytes)}, KV cache {SizeText.Of(rank.KvBytes)}, work buffers {SizeText.Of(rank.WorkBytes)}")),
    ];

    private static string Span(Range range) => Text($"{range.Start.Value}-{range.End.Value - 1}");

    private static (string, string)[] TokenizerRows(ModelInspection found) =>
    [
        ("kind", found.TokenizerKind),
        ("vocabulary", Text($"{found.Tokenizer.VocabularySize:N0} tokens, {found.Merges:N0} merges")),
        ("added tokens", Listed([.. found.AddedTokens.Select(token => token.Text)])),
        ("normalizer", found.Normalizer),
        ("pre-tokenizer", found.PreTokenizer),
    ];

    private static (string, string)[] TemplateRows(ModelFacts facts) =>
    [
        ("present", YesOrNo(facts.Found.Template != null)),
        ("opens the thought", facts.Found.OpensThought is bool opens ? YesOrNo(opens) : "unknown"),
        ("ends thoughts with", facts.Found.ThinkEnd is string end
            ? $"{end}, {(facts.Found.ThinkEndTokens == 1 ? "1 token" : $"{facts.Found.ThinkEndTokens} tokens")}"
            : "unknown: name a marker with --think-end-str, or use --no-soft-thinking"),
    ];

    private static (string, string)[] DefaultRows(ModelInspection found)
    {
        GenerationDefaults defaults = found.Defaults;
        (string Name, object? Value)[] rows =
        [
            ("do_sample", defaults.DoSample is bool sample ? YesOrNo(sample) : null),
            ("temperature", defaults.Temperature),
            ("top_p", defaults.TopP),
            ("top_k", defaults.TopK),
            ("min_p", defaults.MinP),
            ("repetition_penalty", defaults.RepetitionPenalty),
        ];
        string ends = string.Join(", ", defaults.EosIds.Select(id => $"{id} {TokenText.Visible(found.Tokenizer, id)}"));
        return
        [
            ("ends of text", ends.Length > 0 ? ends : "NONE KNOWN: generation runs to its limit, unless --stop ends it"),
            .. rows.Where(row => row.Value != null).Select(row => (row.Name, Text($"{row.Value}"))),
        ];
    }

    private static string Listed(IReadOnlyCollection<string> texts)
    {
        string shown = string.Join(' ', texts.Take(Shown).Select(TokenText.Harmless));
        int more = texts.Count - Shown;
        return Text($"{texts.Count}: {shown}") + (more > 0 ? Text($" and {more} more") : "");
    }

    private static void WriteTable(Terminal terminal, string title, (string Name, string Value)[] rows)
    {
        Table table = new Table().RoundedBorder().BorderColor(Color.Grey).Title($"[bold]{Markup.Escape(title)}[/]").HideHeaders();
        table.AddColumn(new TableColumn("name").NoWrap().Width(NameWidth)).AddColumn("value");
        table.Expand();
        foreach ((string name, string value) in rows)
            table.AddRow(new Text(name, new Style(decoration: Decoration.Dim)), new Text(TokenText.Harmless(value)));
        terminal.OutConsole.Write(table);
    }

    private static void WritePlain(TextWriter output, string title, (string Name, string Value)[] rows)
    {
        output.WriteLine(title);
        foreach ((string name, string value) in rows)
            output.WriteLine($"  {name.PadRight(NameWidth)}  {value}");
    }

    private static string YesOrNo(bool value) => value ? "yes" : "no";

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
