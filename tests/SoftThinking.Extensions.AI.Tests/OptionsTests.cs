using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using NUnit.Framework;
using AIChatMessage = Microsoft.Extensions.AI.ChatMessage;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>What becomes of <see cref="ChatOptions"/>.</summary>
public class OptionsTests
{
    public static IEnumerable<TestCaseData> Mapped() =>
    [
        Case("Temperature", new() { Temperature = 0.5f }, request => (request.Sampling.Thinking.Temperature, request.Sampling.AfterThinking.Temperature), (0.5f, 0.5f)),
        Case("TopP", new() { TopP = 0.5f }, request => (request.Sampling.Thinking.TopP, request.Sampling.AfterThinking.TopP), (0.5f, 0.5f)),
        Case("TopK", new() { TopK = 7 }, request => (request.Sampling.Thinking.TopK, request.Sampling.AfterThinking.TopK), (7, 7)),
        Case("Seed", new() { Seed = -1 }, request => request.Sampling.Seed, ulong.MaxValue),
        Case("MaxOutputTokens", new() { MaxOutputTokens = 9 }, request => request.MaxNewTokens, 9),
        Case("StopSequences", new() { StopSequences = ["a", "b"] }, request => string.Join(' ', request.StopStrings), "a b"),
        Case("FrequencyPenalty", new() { FrequencyPenalty = 0.5f }, request => request.Sampling.FrequencyPenalty, 0.5f),
        Case("PresencePenalty", new() { PresencePenalty = -0.5f }, request => request.Sampling.PresencePenalty, -0.5f),
        Case("Effort none", Effort(ReasoningEffort.None), request => request.Sampling.MaxThinkingTokens, 0),
        Case("Effort none, variables", Effort(ReasoningEffort.None), request => Chat(request).TemplateVariables!["enable_thinking"]!.GetValue<bool>(), false),
        Case("Effort low", Effort(ReasoningEffort.Low), request => request.Sampling.MaxThinkingTokens, 1024),
        Case("Effort medium", Effort(ReasoningEffort.Medium), request => request.Sampling.MaxThinkingTokens, 8192),
        Case("Effort high", Effort(ReasoningEffort.High), request => request.Sampling.MaxThinkingTokens, 24576),
        Case("Effort extra high", Effort(ReasoningEffort.ExtraHigh), request => request.Sampling.MaxThinkingTokens, 65536),
        Case("Instructions", new() { Instructions = "Be brief." }, request => Chat(request).Messages[0], new ChatMessage("system", "Be brief.")),
        Case("ResponseFormat text", new() { ResponseFormat = ChatResponseFormat.Text }, request => Chat(request).Messages.Count, 1),
        Case("ModelId", new() { ModelId = "model" }, request => Chat(request).Messages.Count, 1),
        Case("Tools", new() { Tools = [Tool] }, request => Chat(request).Tools![0]!["function"]!["name"]!.GetValue<string>(), "weather"),
        Case("Tools' description", new() { Tools = [Tool] }, request => Chat(request).Tools![0]!["function"]!["description"]!.GetValue<string>(), "The weather"),
        Case("Tools' schema", new() { Tools = [Tool] }, request => Chat(request).Tools![0]!["function"]!["parameters"]!["properties"]!["city"]!["type"]!.GetValue<string>(), "string"),
        Case("ToolMode auto", new() { Tools = [Tool], ToolMode = ChatToolMode.Auto }, request => Chat(request).Tools != null, true),
        Case("ToolMode none", new() { Tools = [Tool], ToolMode = ChatToolMode.None }, request => Chat(request).Tools, null),
        Case("own int", More("max_topk", 3), request => request.Sampling.MaxTopk, 3),
        Case("own long", More("max_thinking_tokens", 50L), request => request.Sampling.MaxThinkingTokens, 50),
        Case("own double", More("dirichlet_alpha", 0.5), request => request.Sampling.Strategy, new SoftStrategy { DirichletAlpha = 0.5f }),
        Case("own strategy, which comes first", new() { AdditionalProperties = new() { ["beta"] = 0.5, ["strategy"] = "mixture-of-inputs" } },
            request => request.Sampling.Strategy, new MixtureOfInputsStrategy { Beta = 0.5f }),
        Case("own exit", More("cusum", true), request => request.Sampling.Cusum, new CusumExit()),
        Case("own record", More("record", true), request => request.Record, true),
        Case("own flag", More("no_soft_thinking", true), request => request.Sampling.SoftThinking, false),
        Case("own text", More("think_end_text", "So"), request => request.Sampling.ThinkEndText, "So"),
        Case("own limit", More("min_new_tokens", 4), request => request.MinNewTokens, 4),
        Case("own stop", More("stop", new JsonArray("x", "y")), request => string.Join(' ', request.StopStrings), "x y"),
        Case("own null", More("max_topk", null), request => request.Sampling.MaxTopk, null),
        Case("own variables", More("template_vars", new JsonObject { ["a"] = 1 }), request => Chat(request).TemplateVariables!["a"]!.GetValue<int>(), 1),
        Case("of another", More("store", true), request => request.Sampling, new SamplingOptions { Thinking = new() { MinP = 0.001f } }),
        Case("sampling", new ChatOptions { TopK = 7 }.WithSoftThinking(new SamplingOptions { MaxTopk = 5 }), request => (request.Sampling.MaxTopk, request.Sampling.AfterThinking.TopK), (5, 7)),
        Case("request", new ChatOptions().WithSoftThinking(new GenerationRequest { Prompt = new TextPrompt("x"), Priority = 3 }), request => request.Priority, 3),
        Case("request's system", new ChatOptions().WithSoftThinking(WithSystem), request => string.Join(' ', Chat(request).Messages.Select(message => message.Content)), "Base. Hi"),
        Case("request's system replaced", new ChatOptions { Instructions = "Other." }.WithSoftThinking(WithSystem),
            request => string.Join(' ', Chat(request).Messages.Select(message => message.Content)), "Other. Hi"),
        Case("own last", new ChatOptions { Temperature = 0, AdditionalProperties = new() { ["temperature"] = 0.7 } },
            request => (request.Sampling.Thinking.Temperature, request.Sampling.AfterThinking.Temperature), (0.7f, 0f)),
    ];

    public static IEnumerable<TestCaseData> Refused() =>
    [
        Refusal<NotSupportedException>("ConversationId", new() { ConversationId = "1" }),
        Refusal<NotSupportedException>("ResponseFormat", new() { ResponseFormat = ChatResponseFormat.Json }),
        Refusal<NotSupportedException>("ToolMode", new() { Tools = [Tool], ToolMode = ChatToolMode.RequireAny }),
        Refusal<NotSupportedException>("ToolMode", new() { Tools = [Tool], ToolMode = ChatToolMode.RequireSpecific("weather") }),
        Refusal<NotSupportedException>("HostedWebSearchTool", new() { Tools = [new HostedWebSearchTool()] }),
        Refusal<NotSupportedException>("Effort", Effort((ReasoningEffort)99)),
        Refusal<NotSupportedException>("RawRepresentationFactory", new() { RawRepresentationFactory = _ => "text" }),
        Refusal<NotSupportedException>("Samples", new ChatOptions().WithSoftThinking(new GenerationRequest { Prompt = new ChatPrompt([]), Samples = 2 })),
        Refusal<ArgumentException>("ModelId", new() { ModelId = "other" }),
        Refusal<ArgumentException>("Temperature", new() { Temperature = -1 }),
        Refusal<ArgumentException>("Temperature", new() { Temperature = float.NaN }),
        Refusal<ArgumentException>("TopP", new() { TopP = 2 }),
        Refusal<ArgumentException>("MaxNewTokens", new() { MaxOutputTokens = 0 }),
        Refusal<ArgumentException>("StopStrings", new() { StopSequences = [""] }),
        Refusal<ArgumentException>("max_topk", More("max_topk", "many")),
        Refusal<ArgumentException>("max_topk", More("max_topk", 0)),
        Refusal<ArgumentException>("messages", More("template_vars", new JsonObject { ["messages"] = 1 })),
    ];

    private static AIFunction Tool { get; } = AIFunctionFactory.Create((string city) => "sunny in " + city, "weather", "The weather");

    private static GenerationRequest WithSystem { get; } = GenerationRequest.FromMessages([new ChatMessage("system", "Base.")]);

    [TestCaseSource(nameof(Mapped))]
    public void Option_IsMapped(ChatOptions options, Func<GenerationRequest, object?> actual, object? expected) =>
        Assert.That(actual(Build(Models.Scripted, options)), Is.EqualTo(expected));

    [TestCaseSource(nameof(Refused))]
    public void Option_IsRefusedByName(string name, ChatOptions options, Type kind) =>
        Assert.That(() => Build(Models.Scripted, options), Throws.InstanceOf(kind).With.Message.Contains(name));

    [Test]
    public void Tools_AreRefusedWhereTheTemplateKnowsNone() => Assert.That(
        () => Build(Models.Demonstration, new ChatOptions { Tools = [Tool] }),
        Throws.InstanceOf<NotSupportedException>().With.Message.Contains("knows no tools"));

    [Test]
    public void DefaultsOfTheModel_HoldWithoutOptions() => Assert.That(
        Build(Models.Demonstration, new ChatOptions()).Sampling,
        Is.EqualTo(GenerationRequest.FromText("").WithDefaults(Models.Demonstration.Defaults).Sampling));

    [Test]
    public void DefaultsOfTheClient_HoldWithoutOptions()
    {
        GenerationRequest defaults = new() { Prompt = new ChatPrompt([]), Sampling = new SamplingOptions { MaxTopk = 2 }, MaxNewTokens = 17 };
        GenerationRequest request = new RequestBuilder(Client(Models.Scripted), Models.Scripted, defaults, new ChatOptions { TopK = 7 }).Build([new(ChatRole.User, "Hi")]);
        Assert.That((request.MaxNewTokens, request.Sampling.MaxTopk, request.Sampling.Thinking.TopK), Is.EqualTo((17, 2, 7)));
    }

    [Test]
    public async Task ModelThatDoesNotThink_Answers()
    {
        await using Engine engine = Models.LoadWithoutThoughts();
        GenerationRequest defaults = new() { Prompt = new ChatPrompt([]), Sampling = new SamplingOptions { MaxThinkingTokens = 5 } };
        foreach (GenerationRequest? given in new[] { null, defaults })
        {
            ChatResponse reply = await new SoftThinkingChatClient(engine, defaults: given).GetResponseAsync("Hi", Effort(ReasoningEffort.Low));
            Assert.That((reply.Text, reply.Usage!.ReasoningTokenCount), Is.EqualTo((Models.Greeting, 0)));
        }
    }

    [Test]
    public void WithSoftThinking_RefusesNull()
    {
        ChatOptions options = new();
        Assert.Multiple(() =>
        {
            Assert.Throws<ArgumentNullException>(() => options.WithSoftThinking((SamplingOptions)null!));
            Assert.Throws<ArgumentNullException>(() => options.WithSoftThinking((GenerationRequest)null!));
            Assert.Throws<ArgumentNullException>(() => ((ChatOptions)null!).WithSoftThinking(new SamplingOptions()));
        });
    }

    private static GenerationRequest Build(Engine engine, ChatOptions options) =>
        new RequestBuilder(Client(engine), engine, null, options).Build([new AIChatMessage(ChatRole.User, "Hi")]);

    private static SoftThinkingChatClient Client(Engine engine) => new(engine, "model");

    private static ChatPrompt Chat(GenerationRequest request) => (ChatPrompt)request.Prompt;

    private static ChatOptions Effort(ReasoningEffort effort) => new() { Reasoning = new ReasoningOptions { Effort = effort } };

    private static ChatOptions More(string key, object? value) => new() { AdditionalProperties = new() { [key] = value } };

    private static TestCaseData Case<T>(string name, ChatOptions options, Func<GenerationRequest, T> actual, T expected) =>
        new TestCaseData(options, (Func<GenerationRequest, object?>)(request => actual(request)), expected).SetArgDisplayNames(name);

    private static TestCaseData Refusal<T>(string name, ChatOptions options) => new(name, options, typeof(T));
}
