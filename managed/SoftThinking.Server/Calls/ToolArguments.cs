using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Server.Calls;

/// <summary>Arguments of tool calls, which models write as the text of a JSON object.</summary>
internal static class ToolArguments
{
    /// <summary>A text as JSON object; null if it is none.</summary>
    public static JsonObject? ReadObject(string text)
    {
        try
        {
            JsonElement value = RequestJson.Parse(Encoding.UTF8.GetBytes(text));
            return JsonObject.Create(new JsonField("arguments", value).CheckContent());
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException) // the latter if it is something else
        {
            return null;
        }
    }
}
