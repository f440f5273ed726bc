using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary>An error in the form of the OpenAI API.</summary>
internal static class OpenAiError
{
    public static JsonObject Schema { get; } = Schemas.Titled("Error", Schemas.Object("An error.", new JsonObject
    {
        ["error"] = Schemas.Object("What is wrong.", new JsonObject
        {
            ["message"] = Schemas.Text("What is wrong, for people."),
            ["type"] = Schemas.Text("The kind of error."),
            ["param"] = Schemas.OrNull(Schemas.Text("The field of the request that is wrong, if it is one.")),
            ["code"] = Schemas.OrNull(Schemas.Text("A code for programs, if there is one.")),
        }),
    }));

    public static void Write(Utf8JsonWriter json, WireError error)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", error.Message);
        json.WriteString("type", error.Kind);
        json.WriteString("param", error.Field);
        json.WriteString("code", error.Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
