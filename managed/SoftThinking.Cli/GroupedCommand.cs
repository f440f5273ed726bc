using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>Options that help lists together.</summary>
internal sealed record OptionGroup(string Title, IReadOnlyList<Option> Options);

/// <summary>A command whose help shows its options in groups, and examples.</summary>
internal sealed class GroupedCommand : Command
{
    public GroupedCommand(string name, string description, IReadOnlyList<OptionGroup> groups, string[] examples)
        : base(name, description)
    {
        (Groups, Examples) = (groups, examples);
        foreach (Option option in groups.SelectMany(group => group.Options))
            Options.Add(option);
    }

    public IReadOnlyList<OptionGroup> Groups { get; }

    /// <summary>Command lines without the name of the program.</summary>
    public string[] Examples { get; }
}
