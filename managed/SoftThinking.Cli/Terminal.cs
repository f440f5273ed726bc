using System.Text;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace SoftThinking.Cli;

/// <summary>Input and output of a command. Styles (dimmed text, colors, a progress bar) are used only on a terminal;
/// redirected output is plain text.</summary>
internal sealed class Terminal
{
    private const int DefaultWidth = 80;

    /// <param name="input">Standard input; null if it is a terminal, from which no prompt is read.</param>
    /// <param name="styleOut">Whether standard output supports ANSI codes.</param>
    /// <param name="styleError">Whether standard error supports ANSI codes.</param>
    /// <param name="keyboard">What is typed, where standard input is a terminal; null for nothing.</param>
    /// <param name="interruption">What Ctrl-C cancels; null where there is none.</param>
    public Terminal(
        Stream? input, TextWriter output, TextWriter error, bool styleOut = false, bool styleError = false, Stream? keyboard = null,
        Interruption? interruption = null)
    {
        (Input, Out, Error, StyleOut, StyleError) = (input, output, error, styleOut, styleError);
        (Keyboard, Interruption) = (keyboard ?? Stream.Null, interruption ?? new Interruption());
        OutConsole = Console(output, styleOut);
        ErrorConsole = Console(error, styleError);
    }

    /// <summary>A byte stream, because invalid UTF-8 must be reported, not replaced.</summary>
    public Stream? Input { get; }

    /// <summary>The lines that a person types, where <see cref="Input"/> is null.</summary>
    public Stream Keyboard { get; }

    /// <summary>What Ctrl-C cancels.</summary>
    public Interruption Interruption { get; }

    public TextWriter Out { get; }

    public TextWriter Error { get; }

    public bool StyleOut { get; }

    public bool StyleError { get; }

    /// <summary><see cref="Out"/> with styles.</summary>
    public IAnsiConsole OutConsole { get; }

    /// <summary><see cref="Error"/> with styles.</summary>
    public IAnsiConsole ErrorConsole { get; }

    /// <summary>Width of a line in columns; 80 if unknown.</summary>
    public int Width => OutConsole.Profile.Width;

    /// <summary>The streams of this process.</summary>
    public static Terminal OfProcess(Interruption interruption)
    {
        if (OperatingSystem.IsWindows())
            System.Console.OutputEncoding = Encoding.UTF8;
        bool style = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
            && Environment.GetEnvironmentVariable("TERM") != "dumb";
        return new Terminal(
            System.Console.IsInputRedirected ? System.Console.OpenStandardInput() : null,
            new StreamWriter(OpenOutput(), new UTF8Encoding(false)),
            new StreamWriter(new LossyStream(System.Console.OpenStandardError()), new UTF8Encoding(false)) { AutoFlush = true },
            style && !System.Console.IsOutputRedirected,
            style && !System.Console.IsErrorRedirected,
            System.Console.IsInputRedirected ? null : OpenKeyboard(),
            interruption);
    }

    /// <summary>Prints an error on one line of standard error.</summary>
    public void ReportError(string message)
    {
        Out.Flush();
        Error.WriteLine($"error: {message.ReplaceLineEndings(" ")}");
        Error.Flush();
    }

    /// <summary>Whether an error means that the reader of the output has closed it, as in `| head`.</summary>
    public static bool IsBrokenPipe(IOException error)
    {
        const int UnixBrokenPipe = 32, WindowsBrokenPipe = unchecked((int)0x8007006D), WindowsNoData = unchecked((int)0x800700E8);
        return error.HResult is UnixBrokenPipe or WindowsBrokenPipe or WindowsNoData;
    }

    // The console's stream would edit the line in place of the terminal, which then could not erase words, or the line on Ctrl-C.
    private static Stream OpenKeyboard() => OperatingSystem.IsWindows()
        ? System.Console.OpenStandardInput()
        : new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);

    // The console's stream ignores the error of a broken pipe, and the program would continue computing.
    private static Stream OpenOutput()
    {
        if (OperatingSystem.IsWindows() || !System.Console.IsOutputRedirected)
            return System.Console.OpenStandardOutput();
        FileStream stream = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        // For a file, the console's stream is correct: a FileStream keeps its own position, and would overwrite what
        // standard error writes to the same file.
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
