namespace SoftThinking.Cli;

/// <summary>The settings of a `score` command.</summary>
/// <param name="File">The recorded sequences: a file of records, or a JSON object per line; "-" for standard input.</param>
/// <param name="Json">Whether to print a JSON object per sequence.</param>
internal sealed record ScoreSettings(ModelChoice Model, string File, EngineOptions Engine, bool Json);
