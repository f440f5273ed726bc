using System.CommandLine;
using System.CommandLine.Invocation;
using System.Globalization;

namespace SoftThinking.Cli;

/// <summary>Prints help. The default of the library is a flat list, which is hard to read with forty options.</summary>
internal sealed class HelpText(Terminal terminal) : SynchronousCommandLineAction
{
    private const int Indent = 2, Gap = 2;

    /// <summary>Lines longer than this are hard to read.</summary>
    private const int MaxWidth = 100;

    /// <summary>A name beyond this column is printed on a separate line, so that descriptions keep their width.</summary>
    private const int MaxColumn = 26;

    private readonly TextWriter _out = terminal.Out;

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        Command command = parseResult.CommandResult.Command;
        WriteWords(command.Description ?? "", 0);
        _out.WriteLine();
        if (command is GroupedCommand grouped)
            WriteCommand(grouped);
        else
            WriteRoot(command);
        return ExitCode.Success;
    }

    private void WriteRoot(Command root)
    {
        _out.WriteLine($"usage: {ProgramInfo.Name} <command> [options]");
        WriteRows("commands", [.. root.Subcommands.Select(command => (command.Name, FirstSentence(command.Description ?? "")))]);
        WriteRows("options",
        [
            ("--help", $"Show help. {ProgramInfo.Name} <command> --help lists the options of a command."),
            ("--version", "Print the name and the version of the program."),
        ]);
        WriteRows("exit codes", [.. ExitCode.Meanings.Select(row => (row.Code.ToString(CultureInfo.InvariantCulture), row.Meaning))]);
    }

    private void WriteCommand(GroupedCommand command)
    {
        string arguments = string.Concat(command.Arguments.Select(argument => $" {argument.Name}{(argument.Arity.MaximumNumberOfValues > 1 ? "…" : "")}"));
        _out.WriteLine($"usage: {ProgramInfo.Name} {command.Name} [options]{arguments}");
        foreach (OptionGroup group in command.Groups)
            WriteRows(group.Title, [.. group.Options.Select(option => (NameOf(option), DescriptionOf(option)))]);
        _out.WriteLine();
        _out.WriteLine("examples:");
        foreach (string example in command.Examples)
            _out.WriteLine($"{new string(' ', Indent)}{ProgramInfo.Name} {example}");
    }

    private void WriteRows(string title, IReadOnlyList<(string Name, string Description)> rows)
    {
        _out.WriteLine();
        _out.WriteLine($"{title}:");
        int column = Math.Min(MaxColumn, Indent + rows.Max(row => row.Name.Length) + Gap);
        foreach ((string name, string description) in rows)
        {
            string start = new string(' ', Indent) + name;
            if (start.Length + Gap > column)
            {
                _out.WriteLine(start);
                start = "";
            }
            _out.Write(start.PadRight(column));
            WriteWords(description, column);
        }
    }

    /// <summary>Writes text from the given column on, with word wrap.</summary>
    private void WriteWords(string text, int column)
    {
        int width = Math.Max(Math.Min(terminal.Width, MaxWidth), column + 30), at = column;
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

    private static string FirstSentence(string text) =>
        text.IndexOf(". ", StringComparison.Ordinal) is >= 0 and int end ? text[..(end + 1)] : text;

    private static string NameOf(Option option) =>
        option.HelpName is string value ? $"{option.Name} {value}" : option.Name;

    private static string DescriptionOf(Option option)
    {
        bool shown = option.HasDefaultValue && option.HelpName != null;
        string? value = !shown ? null : option.GetDefaultValue() switch
        {
            int[] numbers => string.Join(',', numbers),
            object other => Convert.ToString(other, CultureInfo.InvariantCulture),
            null => null,
        };
        return string.IsNullOrEmpty(value) ? option.Description ?? "" : $"{option.Description} [{value}]";
    }
}
