using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>A checkpoint that a user chose.</summary>
/// <param name="Path">Its directory or file.</param>
/// <param name="Name">Its name, as the user entered it.</param>
internal sealed record ModelChoice(string Path, string Name)
{
    /// <summary>The value of --model, or an included model.</summary>
    public static ModelChoice Read(ParseResult parsed, string included = DemonstrationModel.Name) =>
        parsed.GetValue(CommonOptions.Model) is string model
            ? new ModelChoice(model, model)
            : new ModelChoice(DemonstrationModel.PathOf(included), included);
}
