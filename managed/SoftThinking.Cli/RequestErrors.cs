using SoftThinking.Templating;

namespace SoftThinking.Cli;

/// <summary>Errors of one request, after which the engine still serves others.</summary>
internal static class RequestErrors
{
    public static bool Include(Exception error) =>
        error is GenerationException or BackendException or ArgumentException or TemplateException or ModelFileException;

    /// <summary>The message, which names an option of the command line in place of the library's.</summary>
    public static string MessageOf(Exception error) => error is RequestOptionException wrong ? wrong.MessageFor("--" + wrong.Key.Replace('_', '-')) : error.Message;

    /// <summary>The message for a line of JSON, whose key it names.</summary>
    public static string MessageOfLine(Exception error) => error is RequestOptionException wrong ? wrong.MessageFor(wrong.Key) : error.Message;
}
