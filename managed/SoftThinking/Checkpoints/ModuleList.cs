using System.Collections.Immutable;
using System.IO.Enumeration;
using System.Text.RegularExpressions;

namespace SoftThinking.Checkpoints;

/// <summary>Modules that a configuration lists. An entry covers a module and all below it: whole components of names are compared, of which *
/// stands for any, or for any part of one; or, after "re:", a regular expression that matches from the start of the name.</summary>
internal sealed class ModuleList
{
    private readonly string[][] _names;
    private readonly Regex[] _patterns;

    /// <exception cref="ArgumentException">An entry is no regular expression, or one that backtracking alone could match.</exception>
    public ModuleList(ImmutableArray<string> entries)
    {
        const string Pattern = "re:";
        _names = [.. entries.Where(entry => !IsPattern(entry)).Select(entry => entry.Split('.'))];
        _patterns = [.. entries.Where(IsPattern).Select(entry => Compile(entry[Pattern.Length..]))];

        static bool IsPattern(string entry) => entry.StartsWith(Pattern, StringComparison.Ordinal);
    }

    /// <summary>Whether an entry covers the module.</summary>
    public bool Contains(string module)
    {
        string[] components = module.Split('.');
        return Array.Exists(_names, name => Covers(name, components)) || Array.Exists(_patterns, pattern => pattern.IsMatch(module));
    }

    private static bool Covers(string[] name, string[] module) => name.Length <= module.Length
        && name.Zip(module).All(pair => FileSystemName.MatchesSimpleExpression(pair.First, pair.Second, ignoreCase: false));

    // Without backtracking: the time is linear in the name.
    private static Regex Compile(string pattern)
    {
        try
        {
            return new Regex($"^(?:{pattern})", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (NotSupportedException e)
        {
            throw new ArgumentException(e.Message, e);
        }
    }
}
