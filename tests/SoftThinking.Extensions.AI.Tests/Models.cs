using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>The engines of the tests: one with the demonstration model, and one whose model thinks, calls a tool where there are tools,
/// reports the tool's result, and otherwise greets.</summary>
[SetUpFixture]
internal sealed class Models
{
    public const string Question = "What is 47 + 85 - 19?", Answer = "The answer is \\boxed{113}.";

    public const string City = "Köln", Thought = "I ask the tool.", Greeting = "Hello, you.", Report = "The sun shines.";

    public static Engine Demonstration { get; private set; } = null!;

    public static Engine Scripted { get; private set; } = null!;

    [OneTimeSetUp]
    public void Load()
    {
        Demonstration = Engine.Load(TestData.TinyReasoner, new EngineOptions { Device = ComputeDevice.Cpu });
        Scripted = LoadScripted();
    }

    [OneTimeTearDown]
    public void Free()
    {
        Demonstration?.Dispose();
        Scripted?.Dispose();
    }

    public static Engine LoadScripted() => Load(folder => ScriptedModel.Write(folder, ScriptedModel.HermesTemplate,
        new ScriptedReply("<|plain|>", "A greeting", " fits.", "</think>", "\n\n", "Hello", ", you."),
        new ScriptedReply("<|tools|>", "I ask", " the tool.", "</think>", "\n", "One moment.", "\n", "<tool_call>", "\n", """{"name": "wea""", """ther", "argu""",
            """ments": {"ci""", $$"""ty": "{{City}}"}""", "}", "\n", "</tool_call>"),
        new ScriptedReply("<|result|>", "It is known", " now.", "</think>", "\n\n", "The sun", " shines", "."),
        new ScriptedReply("<|direct|>", "At once", ".")));

    /// <summary>A model that greets without a thought.</summary>
    public static Engine LoadWithoutThoughts() =>
        Load(folder => ScriptedModel.WriteWithoutThoughts(folder, new ScriptedReply("<|plain|>", "Hello", ", you.")));

    private static Engine Load(Action<string> write)
    {
        string folder = Directory.CreateTempSubdirectory("scripted-").FullName;
        try
        {
            write(folder);
            Engine engine = Engine.Load(folder, new EngineOptions { Device = ComputeDevice.Cpu, Threads = 1 });
            _ = engine.Template; // is read on first use
            return engine;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
