using System.Text;
using System.Text.Json;
using SoftThinking.Files;
using SoftThinking.Json;

namespace SoftThinking.Cli;

/// <summary>A conversation as a file: {"messages": […]} in the format of the OpenAI API, thoughts as "reasoning_content".</summary>
internal static class ConversationFile
{
    private const string MessagesKey = "messages", Option = "--load";
    private static readonly GenerationRequest NoDefaults = new() { Prompt = new ChatPrompt([]) };

    /// <exception cref="IOException">The file cannot be read, or is not UTF-8.</exception>
    /// <exception cref="ArgumentException">It holds no conversation; the message names the place.</exception>
    /// <exception cref="OperationCanceledException">Canceled while waiting for the writer of a FIFO.</exception>
    public static async Task<IReadOnlyList<ChatMessage>> LoadAsync(string path, CancellationToken cancellation)
    {
        string text = await InputFile.ReadTextAsync(Option, path, cancellation);
        try
        {
            return Read(RequestJson.Parse(Encoding.UTF8.GetBytes(text)));
        }
        catch (ArgumentException error)
        {
            throw new ArgumentException($"{Option}: {path}: {error.Message}", error);
        }
    }

    /// <summary>Writes all messages, or where that fails leaves the file as it was.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, IReadOnlyList<ChatMessage> messages)
    {
        try
        {
            OutputFile.Replace(path, temporary => File.WriteAllBytes(temporary, Format(messages)));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new IOException($"{path}: {error.Message}", error);
        }
    }

    private static IReadOnlyList<ChatMessage> Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new ArgumentException($"the file must hold an object with \"{MessagesKey}\"");
        foreach (JsonProperty property in json.EnumerateObject())
        {
            if (property.Name != MessagesKey)
                throw new ArgumentException($"unknown key \"{property.Name}\": only \"{MessagesKey}\" is read");
        }
        return ((ChatPrompt)RequestJson.Read(json, NoDefaults).Prompt).Messages;
    }

    private static byte[] Format(IReadOnlyList<ChatMessage> messages)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes, JsonLine.Readable with { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteStartArray(MessagesKey);
            foreach (ChatMessage message in messages)
                Write(json, message);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        bytes.WriteByte((byte)'\n');
        return bytes.ToArray();
    }

    private static void Write(Utf8JsonWriter json, ChatMessage message)
    {
        json.WriteStartObject();
        json.WriteString("role", message.Role);
        if (message.Extra?.TryGetProperty("content", out _) != true) // text parts
            json.WriteString("content", message.Content);
        if (message.Reasoning is string reasoning)
            json.WriteString("reasoning_content", reasoning);
        if (message.ToolCalls is JsonElement calls)
        {
            json.WritePropertyName("tool_calls");
            calls.WriteTo(json);
        }
        if (message.Extra is JsonElement extra)
        {
            foreach (JsonProperty property in extra.EnumerateObject())
                property.WriteTo(json);
        }
        json.WriteEndObject();
    }
}
