using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Evaluation.Results;

/// <summary>
/// The directory of a run: run.json says what was asked; SETTING-seedN.jsonl grows by a line with each item; when the run ends,
/// SETTING-seedN.json and SETTING-seedN_statistics.json hold the results in the form of the published runner. One process at a time
/// writes, which run.lock ensures; others may read meanwhile.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private const string ManifestName = "run.json", LockName = "run.lock";
    private readonly List<ResultLog> _logs = [];
    private readonly FileStream _lock;

    private RunDirectory(string path, RunManifest manifest, FileStream ownLock)
    {
        Path = path;
        Manifest = manifest;
        _lock = ownLock;
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
    /// <exception cref="IOException">There is a run and it may not continue, or it was asked something else, or another process writes
    /// to it; or a file cannot be written.</exception>
    public static RunDirectory Open(string path, RunManifest manifest, bool resume)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(manifest);
        Directory.CreateDirectory(path);
        FileStream ownLock = Lock(path);
        try
        {
            bool resumed = Check(path, manifest, resume);
            if (!resumed)
                Replace(System.IO.Path.Combine(path, ManifestName), JsonSerializer.Serialize(manifest, ResultsJson.Indented.RunManifest));
            RunDirectory directory = new(path, manifest, ownLock) { Resumed = resumed };
            directory.OpenLogs();
            return directory;
        }
        catch
        {
            ownLock.Dispose();
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

    /// <summary>Writes a further file of the run, in full or not at all.</summary>
    /// <param name="name">Name of the file.</param>
    /// <param name="text">Its text.</param>
    /// <exception cref="IOException">The file cannot be written; one of this name is as before.</exception>
    public void Write(string name, string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(text);
        Replace(System.IO.Path.Combine(Path, name), text);
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

    // A file of its own: on Unix a lock on a log would keep readers out, too. It stays, since deleting it would let two processes
    // lock two files of this name.
    private static FileStream Lock(string path)
    {
        string file = System.IO.Path.Combine(path, LockName);
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
        }
        catch (IOException error) when (File.Exists(file))
        {
            throw new IOException($"another process writes to the run in {path}", error);
        }
    }

    /// <returns>Whether there is a run that continues.</returns>
    private static bool Check(string path, RunManifest manifest, bool resume)
    {
        string file = System.IO.Path.Combine(path, ManifestName);
        if (!File.Exists(file))
        {
            return manifest.Runs.FirstOrDefault(run => File.Exists(LogOf(path, run))) is RunSetting other
                ? throw new IOException($"{LogOf(path, other)} belongs to a run whose {ManifestName} does not exist; another --output-dir starts a new run")
                : false;
        }
        if (!resume)
            throw new IOException($"{path} holds a run: --resume continues it, another --output-dir starts a new one");
        return Difference(ReadManifest(file), manifest) is string difference
            ? throw new IOException($"{path} holds a run of another question: {difference}")
            : true;
    }

    private void OpenLogs()
    {
        try
        {
            foreach (RunSetting run in Manifest.Runs)
                _logs.Add(ResultLog.Open(LogOf(Path, run)));
        }
        catch
        {
            Dispose();
            throw;
        }
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
            JsonElement json = UntrustedJson.Parse(File.ReadAllBytes(file));
            string? problem = UntrustedJson.FindProblem(json);
            if (problem == null && json.Deserialize(ResultsJson.Line.RunManifest) is RunManifest manifest && IsWhole(manifest))
                return manifest;
            throw new IOException($"{file} does not describe a run of this program{(problem == null ? "" : $": {problem}")}");
        }
        catch (FormatException error)
        {
            throw new IOException($"{file} does not describe a run of this program: it is {error.Message}", error);
        }
        catch (JsonException error)
        {
            throw new IOException($"{file} does not describe a run of this program", error);
        }
    }

    // The names of settings are parts of paths.
    private static bool IsWhole(RunManifest manifest) =>
        manifest.Runs.Count > 0
        && manifest.Runs.All(run => run != null && RunSetting.IsName(run.Setting) && run.Options.Values.All(value => value != null))
        && manifest.Runs.Select(run => run.FileName).Distinct().Count() == manifest.Runs.Count
        && manifest.Common.Values.All(value => value != null);

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
            return $"the settings were {NamesOf(was)}, not {NamesOf(now)}";
        return was.Runs.Zip(now.Runs, (a, b) => Difference(a.Options, b.Options) is string option ? $"{a.Setting}: {option}" : null)
            .FirstOrDefault(difference => difference != null);
    }

    private static string NamesOf(RunManifest manifest) => string.Join(", ", manifest.Runs.Select(run => run.FileName));

    private static string? Difference(IReadOnlyDictionary<string, string> was, IReadOnlyDictionary<string, string> now)
    {
        string? name = was.Keys.Union(now.Keys).FirstOrDefault(key => was.GetValueOrDefault(key) != now.GetValueOrDefault(key));
        return name == null ? null : $"{name} was {was.GetValueOrDefault(name) ?? "not set"}, now it is {now.GetValueOrDefault(name) ?? "not set"}";
    }

    private static void Replace(string path, string text) => OutputFile.Replace(path, temporary => File.WriteAllText(temporary, text));
}
