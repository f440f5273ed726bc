using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Chat;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary><c>/v1/models</c>.</summary>
internal static class ModelList
{
    public static JsonObject ModelSchema { get; } = Schemas.Titled("Model", Schemas.Object("A model.", new JsonObject
    {
        ["id"] = Schemas.Text("Its name."),
        ["object"] = Schemas.Text("\"model\"."),
        ["created"] = Schemas.Integer("When it was loaded, in seconds since 1970."),
        ["owned_by"] = Schemas.Text("\"softthinking\"."),
        ["max_model_len"] = Schemas.Integer("Most tokens of prompt and answer together."),
        ["context_length"] = Schemas.Integer("The same by another name."),
        ["thinks"] = Schemas.Flag("Whether it thinks."),
        ["calls_tools"] = Schemas.Flag("Whether it can call tools."),
    }));

    public static JsonObject Schema { get; } = Schemas.Titled("ModelList", Schemas.Object("Models.", new JsonObject
    {
        ["object"] = Schemas.Text("\"list\"."),
        ["data"] = Schemas.Array("The models.", ModelSchema.DeepClone().AsObject()),
    }));

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
