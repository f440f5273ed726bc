namespace SoftThinking.Cli;

/// <summary>A checkpoint that a user chose.</summary>
/// <param name="Path">Its directory or file.</param>
/// <param name="Name">Its name, as the user entered it.</param>
internal sealed record ModelChoice(string Path, string Name)
{
    /// <summary>The value of an option, or an included model.</summary>
    public static ModelChoice Of(string? option, string included = DemonstrationModel.Name) =>
        option != null ? new ModelChoice(option, option) : new ModelChoice(DemonstrationModel.PathOf(included), included);
}
