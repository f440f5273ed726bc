using System.Text.Json;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.OpenAi;

/// <summary><c>/v1/models</c>.</summary>
internal static class ModelList
{
    public static void Write(Utf8JsonWriter json, ServedModel model)
    {
        json.WriteStartObject();
        json.WriteString("object", "list");
        json.WriteStartArray("data");
        WriteModel(json, model);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WriteModel(Utf8JsonWriter json, ServedModel model)
    {
        json.WriteStartObject();
        json.WriteString("id", model.Name);
        json.WriteString("object", "model");
        json.WriteNumber("created", model.Created);
        json.WriteString("owned_by", "softthinking");
        json.WriteNumber("max_model_len", model.Engine.ContextLength);
        json.WriteNumber("context_length", model.Engine.ContextLength);
        json.WriteBoolean("thinks", model.Thinks);
        json.WriteBoolean("calls_tools", model.Engine.ToolCallSyntax != ToolCallSyntax.None);
        json.WriteEndObject();
    }
}
