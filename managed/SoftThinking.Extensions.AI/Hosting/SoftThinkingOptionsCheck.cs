using Microsoft.Extensions.Options;

namespace SoftThinking.Extensions.AI;

/// <summary>Checks the settings of an application, before the model is loaded.</summary>
internal sealed class SoftThinkingOptionsCheck : IValidateOptions<SoftThinkingOptions>
{
    /// <param name="name">Key of the model; empty for the one without.</param>
    public ValidateOptionsResult Validate(string? name, SoftThinkingOptions options)
    {
        if (string.IsNullOrEmpty(options.Model))
            return Fail(name, "Model", "is missing: it must be the path of a checkpoint");
        if (!Directory.Exists(options.Model) && !File.Exists(options.Model))
            return Fail(name, "Model", $"\"{options.Model}\" does not exist (in {Environment.CurrentDirectory})");
        try
        {
            options.ToEngineOptions();
            return ValidateOptionsResult.Success;
        }
        catch (ArgumentOutOfRangeException error)
        {
            return Fail(name, error.ParamName!, error.Message);
        }
    }

    private static ValidateOptionsResult Fail(string? name, string setting, string problem) =>
        ValidateOptionsResult.Fail($"{SoftThinkingOptions.SectionOf(name)}:{setting}: {problem}");
}
