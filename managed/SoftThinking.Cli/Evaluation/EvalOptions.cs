using System.CommandLine;
using SoftThinking.Evaluation.Datasets;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Evaluation.Runs;

namespace SoftThinking.Cli;

/// <summary>The settings of an `eval` command.</summary>
/// <param name="Model">The checkpoint; with servers, the model's name there.</param>
/// <param name="Plan">What is evaluated.</param>
/// <param name="Request">What all requests have in common.</param>
/// <param name="Output">Directory of the results.</param>
internal sealed record EvalSettings(ModelChoice Model, EvaluationPlan Plan, GenerationRequest Request, EngineOptions Engine, string Output)
{
    /// <summary>Whether a run that is there may continue.</summary>
    public bool Resume { get; init; }

    /// <summary>Base addresses of the servers; empty for an engine of this process.</summary>
    public IReadOnlyList<string> Endpoints { get; init; } = [];

    /// <summary>How servers are asked.</summary>
    public ServerPoolOptions Servers { get; init; } = new();

    /// <summary>Whether the model was named, so that servers need not be asked for its name.</summary>
    public bool ModelIsNamed { get; init; }

    /// <summary>Address and model of the judge; null for none.</summary>
    public (string Address, string Model)? Judge { get; init; }

    /// <summary>Key of the judge's server.</summary>
    public string? JudgeKey { get; init; }

    /// <summary>Whether code of the model may run.</summary>
    public bool AllowCode { get; init; }

    /// <summary>Whether to print one JSON object.</summary>
    public bool Json { get; init; }

    /// <summary>The plan for a model's own sampling defaults; null where the published ones hold.</summary>
    public Func<GenerationDefaults, EvaluationPlan>? ModelPlan { get; init; }
}

/// <summary>The options of `eval`.</summary>
internal sealed class EvalOptions
{
    private const int DefaultMaxNewTokens = 32768, DefaultRequests = 16;
    private const string Graded = "graded";
    private readonly RequestArguments _request = new(DefaultMaxNewTokens);

    private readonly Option<string?> _model =
        CommonOptions.ModelOption($"{DemonstrationModel.Graded}, a small model included with the program that adds and subtracts, not always right.");
    private readonly Option<string?> _dataset = OptionKinds.PathTo("--dataset", "NAME|FILE",
        $"The problems: {string.Join(", ", KnownBenchmarks.Names)}, a file of the same shape, or by default {Graded}: sums of two to six "
        + "terms, included with the program.");
    private readonly Option<string?> _datasets = OptionKinds.PathTo("--datasets", "DIR",
        "Directory of the named data sets' files. The default is $SOFTTHINKING_DATASETS, or datasets. Nothing is downloaded.");
    private readonly Option<int?> _start = Count("--start-idx", "First item, from 0.", 0, 0);
    private readonly Option<int?> _end = Count("--end-idx", "The item after the last; by default all.", null, 1);
    private readonly Option<int?> _samples = Count("--num-samples", "Samples per item: 1 to 256. Sample i has --seed + i.", 1, 1, 256);
    private readonly Option<string?> _template = OptionKinds.Text("--prompt-template", "TEXT",
        $"The user's message, with {BenchmarkPrompt.Placeholder} in place of the question. The default is the published instructions.");
    private readonly Option<bool> _keepOrder = OptionKinds.Flag("--keep-option-order",
        "Show the options of multiple-choice questions in the order of the file. By default each question has an order of its own, which "
        + "depends on --seed and is recorded.");
    private readonly Option<string[]?> _compare = OptionKinds.Several("--compare", "SPEC…",
        "Settings to compare on the same items, by default one from the sampling options: " + string.Join(", ", EvaluationSetting.Presets.Select(preset => preset.Name))
        + ", each optionally with a name and other values: wide=soft:max_topk=20,temperature=0.8.");
    private readonly Option<int?> _repeats = Count("--repeat-seeds", "Runs of each setting, each with other seeds: 1 to 1000.", 1, 1, 1000);
    private readonly Option<string?> _output = OptionKinds.PathTo("--output-dir", "DIR",
        "Directory of the results. The default is results/DATASET/MODEL.");
    private readonly Option<bool> _resume = OptionKinds.Flag("--resume",
        "Continue the run in the output directory. Finished items are kept; those that failed run again.");
    private readonly Option<int?> _traced = Count("--trace-items",
        "Keep every token of the first sample of this many items, for reports.", 5, 0);
    private readonly Option<int?> _requests = NumberOption.Create<int>("--max-running-requests",
        "Sequences generated concurrently: 1 to 1024.", DefaultRequests, value => _ = new EngineOptions { MaxSequences = value });
    private readonly Option<string[]?> _endpoints = OptionKinds.Several("--endpoint", "URL…",
        "Ask servers that speak the OpenAI chat protocol, instead of loading the model. Items are spread over them, and those that a "
        + "server fails to answer go to another. --model is then the model's name there.");
    private readonly Option<string?> _keyName = OptionKinds.Text("--api-key-env", "NAME",
        "Environment variable that holds the API key of the servers. The default is OPENAI_API_KEY.");
    private readonly Option<int?> _timeout = Count("--timeout", "Seconds within which a server must reply: 1 to 86400.", 3600, 1, 86400);
    private readonly Option<string?> _judgeUrl = OptionKinds.Text("--judge-url", "URL",
        "Let a language model judge answers that the rules reject: a server that speaks the OpenAI chat protocol. Its verdicts are "
        + "marked, and the accuracy of the rules alone is reported, too.");
    private readonly Option<string?> _judgeModel = OptionKinds.Text("--judge-model", "NAME", "The judge's name at its server.");
    private readonly Option<string?> _judgeKeyName = OptionKinds.Text("--judge-api-key-env", "NAME",
        "Environment variable that holds the API key of the judge's server. The default is that of --api-key-env.");
    private readonly Option<bool> _allowCode = OptionKinds.Flag("--allow-code-execution",
        "Run the model's code against the tests of humaneval, mbpp and livecodebench, in a sandbox.");
    private readonly Option<bool> _json = OptionKinds.Flag("--json", "Print one JSON object with the summary.");

    public EvalOptions()
    {
        Groups =
        [
            new("data", [_model, _dataset, _datasets, _start, _end, _samples, _template, _keepOrder]),
            new("comparison", [_compare, _repeats]),
            new("results", [_output, _resume, _traced, _json]),
            new("judging", [_judgeUrl, _judgeModel, _judgeKeyName, _allowCode]),
            new("servers", [_endpoints, _keyName, _timeout]),
            new("prompt", _request.Prompt),
            .. _request.Sampling,
            new("limits and randomness", _request.Limits),
            new("machine", [_requests, .. CommonOptions.Machine]),
        ];
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <exception cref="UsageException">Options contradict each other.</exception>
    /// <exception cref="DatasetException">The data set cannot be read.</exception>
    public EvalSettings Read(ParseResult parsed)
    {
        string? name = parsed.GetValue(_dataset);
        string? named = parsed.GetValue(_model);
        ModelChoice model = ModelChoice.Of(named, DemonstrationModel.Graded);
        Dataset dataset = name is null or Graded
            ? BenchmarkFile.Load(Path.Combine(DemonstrationModel.PathOf(DemonstrationModel.Graded), "test.json"), Graded)
            : KnownBenchmarks.Load(name, DatasetsOf(parsed));
        EvaluationPlan plan = PlanOf(parsed, dataset, null);
        int requests = parsed.GetValue(_requests) ?? DefaultRequests;
        return new EvalSettings(
            model,
            plan,
            _request.Read(parsed),
            CommonOptions.ReadMachine(parsed) with
            {
                MaxSequences = requests,
                MaxTopk = plan.Settings.Max(setting => setting.Sampling.Entries),
                QueueLength = int.MaxValue, // the plan limits what is in flight
            },
            parsed.GetValue(_output) ?? Path.Combine("results", dataset.Name, FileNameOf(model.Name)))
        {
            Resume = parsed.GetValue(_resume),
            Endpoints = parsed.GetValue(_endpoints) ?? [],
            Servers = new ServerPoolOptions
            {
                ApiKey = KeyOf(parsed),
                MaxRequests = requests,
                Timeout = TimeSpan.FromSeconds(parsed.GetValue(_timeout) ?? 3600),
            },
            ModelIsNamed = named != null,
            Judge = JudgeOf(parsed),
            JudgeKey = parsed.GetValue(_judgeKeyName) is string variable ? ValueOf(variable) : KeyOf(parsed),
            AllowCode = parsed.GetValue(_allowCode),
            Json = parsed.GetValue(_json),
            ModelPlan = _request.NeedModelDefaults(parsed) ? defaults => PlanOf(parsed, dataset, defaults) : null,
        };
    }

    private EvaluationPlan PlanOf(ParseResult parsed, Dataset dataset, GenerationDefaults? defaults)
    {
        SamplingOptions sampling = _request.Read(parsed, defaults: defaults).Sampling;
        int start = parsed.GetValue(_start) ?? 0, end = Math.Min(parsed.GetValue(_end) ?? int.MaxValue, dataset.Items.Count);
        if (start >= end)
            throw new UsageException($"--start-idx {start} to --end-idx {end} holds no item; {dataset.Name} has {dataset.Items.Count}");
        string? template = parsed.GetValue(_template);
        if (template != null && !template.Contains(BenchmarkPrompt.Placeholder, StringComparison.Ordinal))
            throw new UsageException($"--prompt-template must contain {BenchmarkPrompt.Placeholder}");
        return new EvaluationPlan
        {
            Dataset = dataset,
            Settings = SettingsOf(parsed, sampling),
            StartIndex = start,
            EndIndex = end,
            Samples = parsed.GetValue(_samples) ?? 1,
            Seed = sampling.Seed ?? 0,
            RepeatSeeds = parsed.GetValue(_repeats) ?? 1,
            KeepOptionOrder = parsed.GetValue(_keepOrder),
            // The included models were trained on the bare question.
            Template = template ?? (dataset.Name == Graded ? BenchmarkPrompt.Placeholder : null),
            TracedItems = parsed.GetValue(_traced) ?? 5,
            Concurrency = 2 * (parsed.GetValue(_requests) ?? DefaultRequests),
        };
    }

    private IReadOnlyList<EvaluationSetting> SettingsOf(ParseResult parsed, SamplingOptions sampling)
    {
        string[] specs = parsed.GetValue(_compare) ?? [];
        if (specs.Length == 0)
            return [new EvaluationSetting(sampling.SoftThinking ? "soft" : "cot", sampling)];
        try
        {
            List<EvaluationSetting> settings = [.. specs.Select(spec => SettingSpec.Parse(spec, sampling))];
            if (settings.GroupBy(setting => setting.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
                throw new UsageException($"--compare names '{twice.Key}' twice; a setting may be named NAME=SPEC");
            return settings;
        }
        catch (ArgumentException error)
        {
            throw new UsageException($"--compare: {error.Message}");
        }
    }

    private (string, string)? JudgeOf(ParseResult parsed)
    {
        (string? url, string? model) = (parsed.GetValue(_judgeUrl), parsed.GetValue(_judgeModel));
        if ((url == null) != (model == null))
            throw new UsageException("--judge-url and --judge-model belong together");
        return url == null ? null : (url, model!);
    }

    private string DatasetsOf(ParseResult parsed) =>
        parsed.GetValue(_datasets) ?? ValueOf("SOFTTHINKING_DATASETS") ?? "datasets";

    // A key is never an option: those are seen by other users, and kept in files.
    private string? KeyOf(ParseResult parsed) => ValueOf(parsed.GetValue(_keyName) ?? "OPENAI_API_KEY");

    private static string? ValueOf(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value ? value : null;

    private static string FileNameOf(string model) => Path.GetFileName(Path.TrimEndingDirectorySeparator(model));

    private static Option<int?> Count(string name, string description, int? preset, int least, int most = int.MaxValue) =>
        NumberOption.Create<int>(name, description, preset, value =>
        {
            if (value < least || value > most)
            {
                string range = most == int.MaxValue ? $"{least} or more" : $"{least} to {most}";
                throw new ArgumentOutOfRangeException("", $" must be {range}, not {value}");
            }
        });
}
