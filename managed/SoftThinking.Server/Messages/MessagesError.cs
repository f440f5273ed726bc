using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Messages;

/// <summary>An error in the form of the Anthropic API.</summary>
internal static class MessagesError
{
    public static JsonObject Schema { get; } = Schemas.Object("An error.", new JsonObject
    {
        ["type"] = Schemas.Text("\"error\"."),
        ["error"] = Schemas.Object("What is wrong.", new JsonObject
        {
            ["type"] = Schemas.Text("The kind of error."),
            ["message"] = Schemas.Text("What is wrong, for people."),
        }),
    });

    public static void Write(Utf8JsonWriter json, WireError error)
    {
        json.WriteStartObject();
        json.WriteString("type", "error");
        json.WriteStartObject("error");
        json.WriteString("type", TypeOf(error.Status));
        json.WriteString("message", MessageOf(error));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>The form has no place for the field, so the message names it.</summary>
    private static string MessageOf(WireError error) => error.Field is not { Length: > 0 } field || error.Message.Contains(field, StringComparison.Ordinal)
        ? error.Message
        : $"{field}: {error.Message}";

    private static string TypeOf(int status) => status switch
    {
        401 => "authentication_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        >= 500 => "api_error",
        _ => "invalid_request_error",
    };
}
