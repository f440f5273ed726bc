using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>The settings of a `bench` command.</summary>
/// <param name="Shape">Null if a checkpoint is measured.</param>
/// <param name="Model">Directory or file of the checkpoint.</param>
/// <param name="ModelName">Name of the model, as the user entered it.</param>
/// <param name="Context">Positions before the first decode.</param>
/// <param name="ContextLimit">The engine's limit of positions; null for the fewest that the work needs.</param>
/// <param name="Repeat">Repetitions of each measurement; the best one is reported.</param>
/// <param name="Greedy">Whether to measure greedy decoding, too.</param>
/// <param name="Strategies">Strategies to compare with greedy decoding.</param>
/// <param name="Concurrent">Number of requests that are run sequentially and concurrently; null for none.</param>
/// <param name="Http">Whether to compare with the server.</param>
/// <param name="Prefix">Whether to measure prefix reuse.</param>
/// <param name="Profile">Whether to measure each operation of an engine step.</param>
internal sealed record BenchSettings(
    ModelShape? Shape, string Model, string ModelName, IReadOnlyList<int> Batches, int Prompt, int Generate, int Context, int? ContextLimit,
    int Repeat, ulong Seed, bool Greedy, IReadOnlyList<ThinkingStrategy> Strategies, int? Concurrent, bool Http, bool Prefix, bool Profile, EngineOptions Engine, bool Json);

/// <summary>The options of `bench`.</summary>
internal sealed class BenchOptions
{
    private const int DefaultPrompt = 512, DefaultGenerate = 64, DefaultRepeat = 3;

    private readonly Option<string?> _shape = new("--shape")
    {
        Description = "Measure the shape of a published model, with random weights generated in memory: "
            + string.Join(", ", ModelShape.Published.Select(shape => shape.Name)) + ".",
        HelpName = "NAME",
    };

    private readonly Option<int[]?> _batch = new("--batch")
    {
        Description = "Sequences in a batch, 1 to 1024; several numbers are measured one after another.",
        HelpName = "N,N,…",
        DefaultValueFactory = _ => [1, 8, 16],
        CustomParser = ParseBatches,
    };

    private readonly Option<int?> _prompt = Positions("--prompt", "Tokens per prompt: 2 or more.", DefaultPrompt);
    private readonly Option<int?> _generate = Positions("--generate", "Tokens to decode per sequence: 2 or more.", DefaultGenerate);
    private readonly Option<int?> _context = Positions("--context",
        "Positions before the first decode: 2 or more; the length of the prompt by default.", null);
    private readonly Option<int?> _contextLimit = Positions("--context-limit",
        "The engine's limit of positions per sequence, up to the model's; by default the fewest that the work needs.", null);
    private readonly Option<int?> _repeat = NumberOption.Create<int>("--repeat",
        "Repetitions of each measurement, 1 to 1000; the best one is reported.", DefaultRepeat,
        CheckRepeat);
    private readonly Option<ulong?> _seed = NumberOption.Create<ulong>("--seed",
        "Seed of prompts, random weights and sampling: 0 or more.", 0, _ => { });
    private readonly Option<bool> _greedy = new("--greedy")
    {
        Description = "Decode greedily as well, to show the cost of soft thinking.",
    };

    private readonly Option<string?> _strategy = OptionKinds.Text("--strategy", "NAME,NAME,…|all",
        "Compare decoding with thinking strategies, each with its defaults, with greedy decoding: "
        + string.Join(", ", ThinkingStrategy.Published.Select(strategy => strategy.Name)) + ", or all of them.");

    private readonly Option<int?> _concurrent = NumberOption.Create<int>("--concurrent",
        "Run this many requests sequentially, then concurrently, and compare: 1 to 1024.", null,
        value => _ = new EngineOptions { MaxSequences = value });
    private readonly Option<bool> _http = new("--http")
    {
        Description = "Compare time to the first token and throughput of the largest batch with those through the server, over loopback.",
    };

    private readonly Option<bool> _prefix = new("--prefix")
    {
        Description = "Compare the time to the first token of a prompt whose prefix is cached with that of a new prompt.",
    };

    private readonly Option<bool> _profile = new("--profile")
    {
        Description = "Report the time of each operation of an engine step, its bytes, and its minimum time as a fraction of the time.",
    };

    private readonly Option<bool> _json = new("--json") { Description = "Print one JSON object." };

    public BenchOptions()
    {
        _shape.Validators.Add(result =>
        {
            if (result.Tokens.Count > 0 && FindShape(result.Tokens[0].Value) == null)
                result.AddError($"--shape must be {string.Join(" or ", ModelShape.Published.Select(shape => shape.Name))}, not '{result.Tokens[0].Value}'");
        });
        Groups =
        [
            new("model", [_shape, CommonOptions.Model]),
            new("work", [_batch, _prompt, _generate, _context, _contextLimit, _repeat, _seed]),
            new("comparisons", [_greedy, _strategy, _concurrent, _http, _prefix, _profile]),
            new("machine", CommonOptions.Machine),
            new("output", [_json]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <exception cref="UsageException">Options contradict each other.</exception>
    public BenchSettings Read(ParseResult parsed)
    {
        (string? shape, string? model) = (parsed.GetValue(_shape), parsed.GetValue(CommonOptions.Model));
        if (shape != null && model != null)
            throw new UsageException("--shape and --model cannot be combined");
        int prompt = parsed.GetValue(_prompt) ?? DefaultPrompt;
        return new BenchSettings(
            shape == null ? null : FindShape(shape),
            model ?? DemonstrationModel.Path,
            shape ?? model ?? DemonstrationModel.Name,
            parsed.GetValue(_batch)!,
            prompt,
            parsed.GetValue(_generate) ?? DefaultGenerate,
            parsed.GetValue(_context) ?? prompt,
            parsed.GetValue(_contextLimit),
            parsed.GetValue(_repeat) ?? DefaultRepeat,
            parsed.GetValue(_seed) ?? 0,
            parsed.GetValue(_greedy),
            ReadStrategies(parsed.GetValue(_strategy)),
            parsed.GetValue(_concurrent),
            parsed.GetValue(_http),
            parsed.GetValue(_prefix),
            parsed.GetValue(_profile),
            CommonOptions.ReadMachine(parsed),
            parsed.GetValue(_json));
    }

    /// <exception cref="UsageException">A name is unknown.</exception>
    private static IReadOnlyList<ThinkingStrategy> ReadStrategies(string? names) => names switch
    {
        null => [],
        "all" => ThinkingStrategy.Published,
        _ => [.. names.Split(',').Distinct().Select(name => ThinkingStrategy.Published.FirstOrDefault(strategy => strategy.Name == name)
            ?? throw new UsageException($"--strategy must be names of strategies, separated by commas, or all, not '{name}'"))],
    };

    private static void CheckRepeat(int value)
    {
        if (value is < 1 or > 1000)
            throw new ArgumentOutOfRangeException("", $" must be 1 to 1000, not {value}");
    }

    private static ModelShape? FindShape(string name) => ModelShape.Published.FirstOrDefault(shape => shape.Name == name);

    private static Option<int?> Positions(string name, string description, int? preset) =>
        NumberOption.Create<int>(name, description, preset, value => _ = new EngineOptions { ContextLength = value });

    private static int[]? ParseBatches(ArgumentResult result)
    {
        string text = result.Tokens[0].Value;
        List<int> batches = [];
        foreach (string part in text.Split(','))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int batch) || batch is < 1 or > 1024
                || batches.Contains(batch))
            {
                result.AddError($"--batch must be distinct whole numbers, 1 to 1024, separated by commas, not '{text}'");
                return null;
            }
            batches.Add(batch);
        }
        return [.. batches];
    }
}
