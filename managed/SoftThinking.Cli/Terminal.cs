using System.Text;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>Where a command reads and writes. Styles (dimmed text, colours, a progress bar) are for people at a terminal
/// only: whatever is redirected gets plain text.</summary>
internal sealed class Terminal
{
    private const int DefaultWidth = 80;

    /// <param name="input">Standard input; null where it is a terminal, from which no prompt is read.</param>
    /// <param name="styleOut">Whether standard output understands ANSI codes.</param>
    /// <param name="styleError">Whether standard error does.</param>
    public Terminal(Stream? input, TextWriter output, TextWriter error, bool styleOut = false, bool styleError = false)
    {
        (Input, Out, Error, StyleOut, StyleError) = (input, output, error, styleOut, styleError);
        OutConsole = Console(output, styleOut);
        ErrorConsole = Console(error, styleError);
    }

    /// <summary>Bytes, because what is not UTF-8 must be found, not replaced.</summary>
    public Stream? Input { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    public bool StyleOut { get; }

    public bool StyleError { get; }

    /// <summary><see cref="Out"/> with styles.</summary>
    public IAnsiConsole OutConsole { get; }

    /// <summary><see cref="Error"/> with styles.</summary>
    public IAnsiConsole ErrorConsole { get; }

    /// <summary>Columns of a line; 80 where they are not known.</summary>
    public int Width => OutConsole.Profile.Width;

    /// <summary>The streams of this process.</summary>
    public static Terminal OfProcess()
    {
        if (OperatingSystem.IsWindows())
            System.Console.OutputEncoding = Encoding.UTF8;
        bool style = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") != "dumb";
        return new Terminal(
            System.Console.IsInputRedirected ? System.Console.OpenStandardInput() : null,
            new StreamWriter(OpenOutput(), new UTF8Encoding(false)),
            new StreamWriter(System.Console.OpenStandardError(), new UTF8Encoding(false)) { AutoFlush = true },
            style && !System.Console.IsOutputRedirected,
            style && !System.Console.IsErrorRedirected);
    }

    /// <summary>Prints an error in one line on standard error.</summary>
    public void ReportError(string message)
    {
        Out.Flush();
        Error.WriteLine($"error: {message.ReplaceLineEndings(" ")}");
        Error.Flush();
    }

    /// <summary>Whether an error says that the reader of the output has closed it, as in `| head`.</summary>
    public static bool IsBrokenPipe(IOException error)
    {
        const int UnixBrokenPipe = 32, WindowsBrokenPipe = unchecked((int)0x8007006D), WindowsNoData = unchecked((int)0x800700E8);
        return error.HResult is UnixBrokenPipe or WindowsBrokenPipe or WindowsNoData;
    }

    // The console's own stream swallows the error of a broken pipe, and the program would go on computing.
    private static Stream OpenOutput()
    {
        if (OperatingSystem.IsWindows() || !System.Console.IsOutputRedirected)
            return System.Console.OpenStandardOutput();
        FileStream stream = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        // Into a file the console's stream is right: a FileStream keeps a position of its own, and would write over what
        // standard error puts into the same file.
        return stream.CanSeek ? System.Console.OpenStandardOutput() : stream;
    }

    private static IAnsiConsole Console(TextWriter writer, bool style)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = style ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = style ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = style ? InteractionSupport.Yes : InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
            Out = new AnsiConsoleOutput(writer),
        });
        console.Profile.Width = style ? WindowWidth() : DefaultWidth;
        return console;
    }

    private static int WindowWidth()
    {
        try
        {
            return System.Console.WindowWidth is > 0 and int width ? width : DefaultWidth;
        }
        catch (IOException)
        {
            return DefaultWidth;
        }
    }
}
