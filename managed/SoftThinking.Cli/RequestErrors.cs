using SoftThinking.Templating;

namespace SoftThinking.Cli;

/// <summary>Errors of one request, after which the engine still serves others.</summary>
internal static class RequestErrors
{
    public static bool Include(Exception error) =>
        error is GenerationException or BackendException or ArgumentException or TemplateException or ModelFileException;
}
