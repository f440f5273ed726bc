using SoftThinking.Tests;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Server.Tests;

/// <summary>A server whose model says what a test wants.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    /// <summary>A reply with a call where the conversation has tools, an answer to its result, and an answer without tools.</summary>
    public static readonly ScriptedReply[] Weather =
    [
        new("<|plain|>", "Well", ".", "</think>", "\n\n", "Hello", " there."),
        new("<|tools|>", "I", " ask", ".", "</think>", "\n\n", "One moment", "\n", "<tool_call>", "\n{\"name\": \"weather\", ", "\"arguments\": {\"city\": ", "\"Ur\"}}\n", "</tool_call>"),
        new("<|result|>", "Now I know.", "</think>", "\n\n", "Sunny", "!"),
        new("<|direct|>", "At once", "."),
    ];

    private readonly TempFolder _folder = new();

    private ScriptedServer()
    {
    }

    public TestServer Server { get; private set; } = null!;

    public static async Task<ScriptedServer> StartAsync(params ScriptedReply[] replies)
    {
        ScriptedServer scripted = new();
        ScriptedModel.Write(scripted._folder.Path, ScriptedModel.HermesTemplate, replies);
        // Greedy, so that the model keeps to the script.
        static GenerationRequest Defaults(GenerationDefaults _) => new()
        {
            Prompt = new ChatPrompt([]),
            Sampling = new SamplingOptions { SoftThinking = false, Thinking = new FilterOptions { Temperature = 0 }, AfterThinking = new FilterOptions { Temperature = 0 } },
        };
        scripted.Server = await TestServer.StartAsync(options => options with { Defaults = Defaults }, model: scripted._folder.Path);
        return scripted;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _folder.Dispose();
    }
}
