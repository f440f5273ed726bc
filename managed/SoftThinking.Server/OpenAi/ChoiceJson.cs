using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Calls;

namespace SoftThinking.Server.OpenAi;

/// <summary>What chat and text completions have in common: properties of a choice.</summary>
internal static class ChoiceJson
{
    /// <summary>Writes why a choice ended, if it has.</summary>
    public static void WriteEnd(Utf8JsonWriter json, ReplyEnded? end, Call call)
    {
        json.WriteString("finish_reason", end?.FinishReason);
        if (end?.End.Stop?.Text is string text)
            json.WriteString("stop_reason", text);
        else if (end?.End.Stop?.TokenId is int id && call.Request.StopIds.Contains(id))
            json.WriteNumber("stop_reason", id);
        if (end?.ThinkingEnd is ThinkingEnd thinking)
            json.WriteString("thinking_end", SampleJson.NameOf(thinking));
    }
}
