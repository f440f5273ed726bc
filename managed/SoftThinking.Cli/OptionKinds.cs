using System.CommandLine;
using System.CommandLine.Parsing;

namespace SoftThinking.Cli;

/// <summary>Makes options of the common kinds.</summary>
internal static class OptionKinds
{
    public static Option<string?> Text(string name, string value, string description) =>
        new(name) { Description = description, HelpName = value };

    /// <summary>An option whose value is a path.</summary>
    public static Option<string?> PathTo(string name, string value, string description)
    {
        Option<string?> option = Text(name, value, description);
        option.Validators.Add(RefuseEmpty(name));
        return option;
    }

    /// <summary>Refuses an empty path, which an unset variable of a script makes, before anything is done.</summary>
    public static Action<SymbolResult> RefuseEmpty(string name) => result =>
    {
        if (result.Tokens.Any(token => token.Value.Length == 0))
            result.AddError($"{name}: the path is empty");
    };

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
