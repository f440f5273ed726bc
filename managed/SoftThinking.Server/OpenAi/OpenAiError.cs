using System.Text.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary>An error in the form of the OpenAI API.</summary>
internal static class OpenAiError
{
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
