using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;

namespace SoftThinking.Cli;

/// <summary>Options that belong together in help.</summary>
internal sealed record OptionGroup(string Title, IReadOnlyList<Option> Options);

/// <summary>A command whose help has its options in groups, and examples.</summary>
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

    /// <summary>Command lines without the name of the program, each followed by what it does.</summary>
    public string[] Examples { get; }
}

/// <summary>Prints help. The library's own lists options one under another, which does not teach thirty of them.</summary>
internal sealed class HelpText(Terminal terminal) : SynchronousCommandLineAction
{
    private const int Indent = 2, Gap = 2;
    private readonly TextWriter _out = terminal.Out;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        Command command = parseResult.CommandResult.Command;
        Paragraph(command.Description ?? "", 0);
        _out.WriteLine();
        if (command is GroupedCommand grouped)
            WriteCommand(grouped);
        else
            WriteRoot(command);
        return CommandLine.Success;
    }

    private void WriteRoot(Command root)
    {
        _out.WriteLine($"usage: {CommandLine.ProgramName} <command> [options]");
        Rows("commands", [.. root.Subcommands.Select(command => (command.Name, command.Description ?? ""))]);
        _out.WriteLine();
        _out.WriteLine($"{CommandLine.ProgramName} <command> --help tells the options of a command.");
    }

    private void WriteCommand(GroupedCommand command)
    {
        _out.WriteLine($"usage: {CommandLine.ProgramName} {command.Name} [options]");
        foreach (OptionGroup group in command.Groups)
            Rows(group.Title, [.. group.Options.Select(option => (NameOf(option), DescriptionOf(option)))]);
        _out.WriteLine();
        _out.WriteLine("examples:");
        foreach (string example in command.Examples)
            _out.WriteLine($"{new string(' ', Indent)}{CommandLine.ProgramName} {example}");
    }

    private void Rows(string title, IReadOnlyList<(string Name, string Description)> rows)
    {
        _out.WriteLine();
        _out.WriteLine($"{title}:");
        int column = Indent + rows.Max(row => row.Name.Length) + Gap;
        foreach ((string name, string description) in rows)
        {
            _out.Write((new string(' ', Indent) + name).PadRight(column));
            Paragraph(description, column);
        }
    }

    /// <summary>Writes words from the given column on, in as many lines as they need.</summary>
    private void Paragraph(string text, int column)
    {
        int width = Math.Max(Math.Min(terminal.Width, 120), column + 30), at = column;
        foreach (string word in text.Split(' '))
        {
            if (at > column && at + 1 + word.Length > width)
            {
                _out.WriteLine();
                _out.Write(new string(' ', column));
                at = column;
            }
            _out.Write(at > column ? " " + word : word);
            at += word.Length + (at > column ? 1 : 0);
        }
        _out.WriteLine();
    }

    private static string NameOf(Option option) =>
        option.HelpName is string value ? $"{option.Name} {value}" : option.Name;

    private static string DescriptionOf(Option option)
    {
        bool shown = option.HasDefaultValue && option.HelpName != null;
        string? value = shown ? Convert.ToString(option.GetDefaultValue(), CultureInfo.InvariantCulture) : null;
        return string.IsNullOrEmpty(value) ? option.Description ?? "" : $"{option.Description} [{value}]";
    }
}
