namespace SoftThinking.Evaluation.Results;

/// <summary>What a run was asked to do. A run is resumed only by the same question.</summary>
public sealed record RunManifest
{
    /// <summary>Version of the program.</summary>
    public required string Version { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Name of the data set.</summary>
    public required string Dataset { get; init; }

    /// <summary>SHA-256 of the data set's file.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>First item.</summary>
    public required int StartIndex { get; init; }

    /// <summary>The item after the last.</summary>
    public required int EndIndex { get; init; }

    /// <summary>Samples per item in each run.</summary>
    public required int Samples { get; init; }

    /// <summary>Seed of the order of options; null where they keep their order, or there are none.</summary>
    public ulong? OptionSeed { get; init; }

    /// <summary>What all settings have in common, by name.</summary>
    public required IReadOnlyDictionary<string, string> Common { get; init; }

    /// <summary>The settings with each of their seeds.</summary>
    public required IReadOnlyList<RunSetting> Runs { get; init; }
}

/// <summary>A setting with a seed.</summary>
/// <param name="Setting">Name of the setting.</param>
/// <param name="Seed">Seed of its first sample.</param>
/// <param name="Options">Name and value of each option.</param>
public sealed record RunSetting(string Setting, ulong Seed, IReadOnlyDictionary<string, string> Options)
{
    /// <summary>Name of its files, without the ending.</summary>
    public string FileName => FormattableString.Invariant($"{Setting}-seed{Seed}");

    internal const int MaxNameLength = 60;

    /// <summary>Whether a setting may have the name, which is part of file names.</summary>
    internal static bool IsName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
}
