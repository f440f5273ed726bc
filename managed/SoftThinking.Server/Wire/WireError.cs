using Microsoft.AspNetCore.Http;
using SoftThinking.Json;
using SoftThinking.Templating;

namespace SoftThinking.Server.Wire;

/// <summary>An error as a client sees it.</summary>
/// <param name="Status">Status of HTTP.</param>
/// <param name="Kind">Its kind, by the names of the OpenAI API.</param>
/// <param name="Message">What is wrong.</param>
/// <param name="Field">The field of the request that is wrong, if it is one.</param>
/// <param name="Code">A code for programs, if there is one.</param>
internal sealed record WireError(int Status, string Kind, string Message, string? Field = null, string? Code = null)
{
    /// <summary>When to try again, if that helps.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static WireError Invalid(string message, string? field = null) => new(400, "invalid_request_error", message, field);

    /// <summary>A prompt that leaves no room in the context.</summary>
    public static WireError ContextExceeded(string message, string field) => Invalid(message, field) with { Code = "context_length_exceeded" };

    /// <summary>The same error of a client that knows its field by another name.</summary>
    public WireError WithField(string field) => this with
    {
        Field = field,
        Message = Message.StartsWith(Field + " ", StringComparison.Ordinal) ? field + Message[Field!.Length..] : Message,
    };

    /// <summary>The error of an exception. What goes wrong in the server itself is not for clients to read.</summary>
    public static WireError Of(Exception error) => error switch
    {
        WireException wire => wire.Error,
        JsonFieldException field => Invalid(field.Message, field.Field),
        GenerationLimitException { Limit: GenerationLimit.Queue } => new(429, "rate_limit_error", error.Message, null, "queue_full")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        },
        GenerationLimitException { Limit: GenerationLimit.Context } => ContextExceeded(error.Message, "messages"),
        GenerationLimitException { Limit: GenerationLimit.Output } => LimitExceeded(error, nameof(EngineOptions.MaxNewTokens), "max_tokens"),
        GenerationLimitException { Limit: GenerationLimit.MaxTopk } => LimitExceeded(error, nameof(EngineOptions.MaxTopk), "max_topk"),
        RequestOptionException { Key: "min_new_tokens" } option => Invalid(option.MessageFor("min_tokens"), "min_tokens"),
        RequestOptionException option => Invalid(option.MessageFor(option.Key), option.Key),
        // Not its whole message, which begins with the path of a file on this machine.
        TemplateException template => Invalid($"the chat template, line {template.Line}: {template.Problem}"),
        ArgumentException => Invalid(error.Message),
        GenerationException or ObjectDisposedException => new(503, "server_error", error.Message, null, "engine_unavailable"),
        BadHttpRequestException http => new(http.StatusCode, "invalid_request_error", http.Message),
        _ => new(500, "server_error", "the server failed; its log says why"),
    };

    /// <summary>A limit of the engine, which its message calls by the name of the property that sets it.</summary>
    private static WireError LimitExceeded(Exception error, string property, string field) =>
        Invalid(error.Message.Replace($"the engine's {property}", "the limit of this server", StringComparison.Ordinal), field);
}

/// <summary>Ends a request with an error.</summary>
internal sealed class WireException(WireError error) : Exception(error.Message)
{
    public WireError Error { get; } = error;
}
