using System.Text.Json;

namespace SoftThinking.Evaluation.Results;

/// <summary>
/// The directory of a run: run.json says what was asked; SETTING-seedN.jsonl grows by a line with each item; when the run ends,
/// SETTING-seedN.json and SETTING-seedN_statistics.json hold the results in the form of the published runner.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private const string ManifestName = "run.json", LockName = "run.lock";
    private readonly List<ResultLog> _logs = [];
    private readonly FileStream _lock;

    private RunDirectory(string path, RunManifest manifest, FileStream @lock)
    {
        Path = path;
        Manifest = manifest;
        _lock = @lock;
    }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>What was asked.</summary>
    public RunManifest Manifest { get; }

    /// <summary>The log of each of the manifest's runs, in their order.</summary>
    public IReadOnlyList<ResultLog> Logs => _logs;

    /// <summary>Whether the run was begun by an earlier process.</summary>
    public bool Resumed { get; private init; }

    /// <summary>Starts a run, or continues one.</summary>
    /// <param name="path">The directory, which is created.</param>
    /// <param name="manifest">What is asked.</param>
    /// <param name="resume">Whether a run that is there may continue.</param>
    /// <exception cref="IOException">There is a run and it may not continue, or it was asked something else, or another process is at
    /// it; or a file cannot be written.</exception>
    public static RunDirectory Open(string path, RunManifest manifest, bool resume)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(manifest);
        Directory.CreateDirectory(path);
        FileStream @lock = Lock(path);
        try
        {
            return Open(path, manifest, resume, @lock);
        }
        catch
        {
            @lock.Dispose();
            throw;
        }
    }

    private static RunDirectory Open(string path, RunManifest manifest, bool resume, FileStream @lock)
    {
        string file = System.IO.Path.Combine(path, ManifestName);
        string asked = JsonSerializer.Serialize(manifest, ResultsJson.Indented.RunManifest);
        bool resumed = File.Exists(file);
        if (resumed && !resume)
            throw new IOException($"{path} holds a run: --resume continues it, another --output-dir starts a new one");
        if (resumed && Difference(ReadManifest(file), manifest) is string difference)
            throw new IOException($"{path} holds a run of another question: {difference}");
        RunDirectory directory = new(path, manifest, @lock) { Resumed = resumed };
        try
        {
            if (!resumed)
                Replace(file, asked);
            foreach (RunSetting run in manifest.Runs)
                directory._logs.Add(ResultLog.Open(LogOf(path, run)));
            return directory;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Writes the files of the published form.</summary>
    /// <param name="seconds">Time of the run; null where it is unknown.</param>
    /// <exception cref="IOException">A file cannot be written.</exception>
    public void Finish(double? seconds)
    {
        for (int i = 0; i < _logs.Count; i++)
        {
            RunSetting run = Manifest.Runs[i];
            PublishedResult[] results = [.. Range(Manifest, _logs[i].Items).Select(item => PublishedResult.Of(item, HyperparametersOf(run)))];
            string name = System.IO.Path.Combine(Path, run.FileName);
            Replace(name + ".json", JsonSerializer.Serialize(results, ResultsJson.Indented.PublishedResultArray));
            Replace(name + "_statistics.json",
                JsonSerializer.Serialize(PublishedStatistics.Of(results, seconds), ResultsJson.Indented.PublishedStatistics));
        }
    }

    /// <summary>What the run has found so far.</summary>
    public EvaluationResults Results() => ResultsOf(Manifest, _logs.Select(log => log.Items));

    /// <summary>Reads the results of a run, also of one that has not ended.</summary>
    /// <exception cref="IOException">The directory holds no run, or a file cannot be read.</exception>
    public static EvaluationResults Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string file = System.IO.Path.Combine(path, ManifestName);
        if (!File.Exists(file))
            throw new IOException($"{path} holds no run: {ManifestName} does not exist");
        RunManifest manifest = ReadManifest(file);
        return ResultsOf(manifest, manifest.Runs.Select(run => ResultLog.Read(LogOf(path, run))));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (ResultLog log in _logs)
            log.Dispose();
        _lock.Dispose();
    }

    private static EvaluationResults ResultsOf(RunManifest manifest, IEnumerable<IReadOnlyList<ItemResult>> items) => new()
    {
        Model = manifest.Model,
        Dataset = manifest.Dataset,
        DatasetSha256 = manifest.DatasetSha256,
        Runs =
        [
            .. manifest.Runs.Zip(items, (run, found) => new SettingResults
            {
                Setting = run.Setting,
                Seed = run.Seed,
                Options = run.Options,
                Items = Range(manifest, found),
            }),
        ],
    };

    private static IReadOnlyList<ItemResult> Range(RunManifest manifest, IReadOnlyList<ItemResult> items) =>
        [.. items.Where(item => item.Index >= manifest.StartIndex && item.Index < manifest.EndIndex)];

    private static string LogOf(string path, RunSetting run) => System.IO.Path.Combine(path, run.FileName + ".jsonl");

    private string HyperparametersOf(RunSetting run) => string.Join(", ", Manifest.Common.Concat(run.Options)
        .Append(new("seed", FormattableString.Invariant($"{run.Seed}"))).Select(option => $"{option.Key}={option.Value}"));

    private static RunManifest ReadManifest(string file)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(file), ResultsJson.Line.RunManifest)
                ?? throw new IOException($"{file} is empty");
        }
        catch (JsonException error)
        {
            throw new IOException($"{file} does not describe a run of this program", error);
        }
    }

    /// <returns>What differs; null for nothing.</returns>
    private static string? Difference(RunManifest was, RunManifest now)
    {
        if (was.Version != now.Version)
            return $"it is of version {was.Version}, this is {now.Version}";
        if (was.Model != now.Model)
            return $"the model was {was.Model}, not {now.Model}";
        if (was.DatasetSha256 != now.DatasetSha256)
            return $"the data set was another version of {was.Dataset}";
        if ((was.StartIndex, was.EndIndex) != (now.StartIndex, now.EndIndex))
            return $"the items were {was.StartIndex} to {was.EndIndex}, not {now.StartIndex} to {now.EndIndex}";
        if (was.Samples != now.Samples)
            return $"the number of samples was {was.Samples}, not {now.Samples}";
        if (was.OptionSeed != now.OptionSeed)
            return "the options were shown in another order";
        if (Difference(was.Common, now.Common) is string common)
            return common;
        if (!was.Runs.Select(run => run.FileName).SequenceEqual(now.Runs.Select(run => run.FileName)))
            return $"the settings were {string.Join(", ", was.Runs.Select(run => run.FileName))}";
        return was.Runs.Zip(now.Runs, (a, b) => Difference(a.Options, b.Options) is string option ? $"{a.Setting}: {option}" : null)
            .FirstOrDefault(difference => difference != null);
    }

    private static string? Difference(IReadOnlyDictionary<string, string> was, IReadOnlyDictionary<string, string> now)
    {
        string? name = was.Keys.Union(now.Keys).FirstOrDefault(key => was.GetValueOrDefault(key) != now.GetValueOrDefault(key));
        return name == null ? null : $"{name} was {was.GetValueOrDefault(name) ?? "not set"}, not {now.GetValueOrDefault(name) ?? "unset"}";
    }

    // A file of its own: readers of the results must not be locked out. A killed process leaves it, but no lock.
    private static FileStream Lock(string path)
    {
        string file = System.IO.Path.Combine(path, LockName);
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose);
        }
        catch (IOException error) when (File.Exists(file))
        {
            throw new IOException($"another process is at the run in {path}", error);
        }
    }

    private static void Replace(string path, string text)
    {
        string temporary = path + ".tmp";
        File.WriteAllText(temporary, text);
        File.Move(temporary, path, overwrite: true);
    }
}
