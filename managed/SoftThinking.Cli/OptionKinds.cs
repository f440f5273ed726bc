using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>Makes options of the common kinds.</summary>
internal static class OptionKinds
{
    public static Option<string?> Text(string name, string value, string description) =>
        new(name) { Description = description, HelpName = value };

    /// <summary>An option that may be given several times, with one value each.</summary>
    public static Option<string[]?> Repeated(string name, string value, string description) => new(name)
    {
        Description = description,
        HelpName = value,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = false,
    };

    /// <summary>An option with one or more values after it.</summary>
    public static Option<string[]?> Several(string name, string value, string description) => new(name)
    {
        Description = description,
        HelpName = value,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    public static Option<bool> Flag(string name, string description) => new(name) { Description = description };
}
