using SoftThinking.Tests;

namespace SoftThinking.Server.Tests;

/// <summary>A server whose model thinks and calls a tool where there are tools, reports the tool's result, and otherwise greets.</summary>
internal static class ScriptedServer
{
    public const string Model = "scripted", City = "Köln", Thought = "I ask the tool.";

    /// <summary>A tool as the OpenAI API has it.</summary>
    public const string Tool =
        """{"type": "function", "function": {"name": "weather", "description": "The weather of a city", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}""";

    public static Task<TestServer> StartAsync() => StartAsync(options => options, folder => ScriptedModel.Write(folder, ScriptedModel.HermesTemplate,
        new ScriptedReply("<|plain|>", "A greeting", " fits.", "</think>", "\n\n", "Hello", ", you."),
        new ScriptedReply("<|tools|>", "I ask", " the tool.", "</think>", "\n", "One moment.", "\n", "<tool_call>", "\n", """{"name": "wea""", """ther", "argu""",
            """ments": {"ci""", $$"""ty": "{{City}}"}""", "}", "\n", "</tool_call>"),
        new ScriptedReply("<|result|>", "It is known", " now.", "</think>", "\n\n", "The sun", " shines", "."),
        new ScriptedReply("<|direct|>", "At once", ".")));

    /// <summary>A server whose model greets without a thought.</summary>
    public static Task<TestServer> StartWithoutThoughtsAsync(Func<ServerOptions, ServerOptions> change) =>
        StartAsync(change, folder => ScriptedModel.WriteWithoutThoughts(folder, new ScriptedReply("<|plain|>", "Hello", ", you.")));

    private static async Task<TestServer> StartAsync(Func<ServerOptions, ServerOptions> change, Action<string> write)
    {
        string folder = Directory.CreateTempSubdirectory("scripted-").FullName;
        try
        {
            write(folder);
            return await TestServer.StartAsync(options => change(options) with { ModelName = Model }, model: folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true); // the engine has read it
        }
    }
}
