using System.Text.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;

namespace SoftThinking.Server.Native;

/// <summary><c>/apply-template</c>: the text that the chat template makes of the fields of a chat completion. Encoded as a text, special
/// tokens that a message spells out would count as such, which they do not in a chat completion; <c>/tokenize</c> has its exact
/// tokens.</summary>
internal static class ApplyTemplate
{
    public static Action<Utf8JsonWriter> Answer(JsonElement body, CallContext context)
    {
        ChatPrompt chat = (ChatPrompt)new ChatCompletions().Read(body, context).Request.Prompt;
        string text = context.Model.Engine.Template!.Render(chat.Messages, chat.AddGenerationPrompt, chat.Tools, chat.TemplateVariables);
        return json =>
        {
            json.WriteStartObject();
            json.WriteString("prompt", text);
            json.WriteEndObject();
        };
    }
}
