namespace SoftThinking.Evaluation.Results;

/// <summary>One setting of an evaluation with one seed, and the items it answered.</summary>
public sealed record SettingResults
{
    /// <summary>Name of the setting, such as "soft", "cot", or "greedy".</summary>
    public required string Setting { get; init; }

    /// <summary>Seed of the run.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Name and value of each option as on the command line, for showing.</summary>
    public required IReadOnlyDictionary<string, string> Options { get; init; }

    /// <summary>The items, sorted by index.</summary>
    public required IReadOnlyList<ItemResult> Items { get; init; }
}

/// <summary>The runs of an evaluation: one model on one data set.</summary>
public sealed record EvaluationResults
{
    /// <summary>Name of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Name of the data set.</summary>
    public required string Dataset { get; init; }

    /// <summary>SHA-256 of the data set's file, in hexadecimal.</summary>
    public required string DatasetSha256 { get; init; }

    /// <summary>Every setting with every seed.</summary>
    public required IReadOnlyList<SettingResults> Runs { get; init; }
}
