using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Chat;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;
using SoftThinking.Interop.Cuda;
using SoftThinking.Json;
using SoftThinking.Records;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests;

/// <summary>Every public method, and every constructor of what an application passes in, names the argument that must not be
/// null.</summary>
public class ArgumentTests
{
    private static readonly Type[] Inputs =
        [typeof(ChatMessage), typeof(ChatPrompt), typeof(EmbeddingPrompt), typeof(ModelShape), typeof(TextPrompt), typeof(TokenPart), typeof(TokenPrompt)];

    private static readonly ScoreRequest ScoreExample = new() { Prompt = new TextPrompt("text"), Tokens = [default] };

    private static readonly Lazy<Engine> Loaded = new(() => Engine.Load(TestData.TinyReasoner, new EngineOptions { Device = ComputeDevice.Cpu }));

    public static IEnumerable<TestCaseData> Arguments() =>
        from type in typeof(Engine).Assembly.GetExportedTypes().Select(Closed)
        where !type.IsEnum && !typeof(Delegate).IsAssignableFrom(type) && !typeof(Exception).IsAssignableFrom(type)
        from method in MethodsOf(type)
        from parameter in method.GetParameters()
        where MustNotBeNull(parameter)
        select new TestCaseData(method, parameter.Position).SetArgDisplayNames($"{type.Name}.{method.Name}", parameter.Name!);

    public static IEnumerable<TestCaseData> Properties() =>
        from value in new object[]
        {
            new ChatMessage("user", "text"), new ChatPrompt([]), new EmbeddingPrompt([]), new EngineOptions(), new FilterOptions(), GenerationRequest.FromText("text"),
            new SamplingOptions(), ScoreExample, new TextPrompt("text"), new TokenPart([]), new TokenPrompt([]),
        }
        from property in value.GetType().GetProperties()
        where property.SetMethod?.IsPublic == true && !property.PropertyType.IsValueType
            && new NullabilityInfoContext().Create(property).WriteState == NullabilityState.NotNull
        select new TestCaseData(value, property).SetArgDisplayNames($"{value.GetType().Name}.{property.Name}");

    [OneTimeTearDown]
    public void DisposeEngine()
    {
        if (Loaded.IsValueCreated)
            Loaded.Value.Dispose();
    }

    [TestCaseSource(nameof(Arguments))]
    public async Task Null_IsAnErrorThatNamesTheArgument(MethodBase method, int position)
    {
        object?[] arguments = [.. method.GetParameters().Select(parameter => parameter.Position == position ? null : Example(parameter))];
        ArgumentNullException? error = await Assert.ThrowsAsync<ArgumentNullException>(() => InvokeAsync(method, arguments));
        Assert.That(error!.ParamName, Is.EqualTo(method.GetParameters()[position].Name));
    }

    [TestCaseSource(nameof(Properties))]
    public void Null_IsAnErrorThatNamesTheProperty(object value, PropertyInfo property)
    {
        TargetInvocationException error = Assert.Throws<TargetInvocationException>(() => property.SetValue(value, null))!;
        Assert.That(error.InnerException, Is.TypeOf<ArgumentNullException>().With.Property(nameof(ArgumentException.ParamName)).EqualTo(property.Name));
    }

    private static Type Closed(Type type) => type.IsGenericTypeDefinition ? type.MakeGenericType(typeof(string)) : type;

    private static IEnumerable<MethodBase> MethodsOf(Type type)
    {
        IEnumerable<MethodBase> methods = type
            .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(method => !method.IsSpecialName && !method.IsDefined(typeof(CompilerGeneratedAttribute)));
        return Inputs.Contains(type) ? methods.Concat(type.GetConstructors()) : methods;
    }

    private static bool MustNotBeNull(ParameterInfo parameter) => !parameter.ParameterType.IsValueType
        && new NullabilityInfoContext().Create(parameter).WriteState == NullabilityState.NotNull;

    private static async Task InvokeAsync(MethodBase method, object?[] arguments)
    {
        object? result;
        try
        {
            result = method is ConstructorInfo constructor
                ? constructor.Invoke(arguments)
                : method.Invoke(method.IsStatic ? null : Instance(method.DeclaringType!), arguments);
        }
        catch (TargetInvocationException error)
        {
            throw error.InnerException!;
        }
        if (result is Task task)
            await task;
    }

    private static object Instance(Type type) => type switch
    {
        _ when type == typeof(ChatReader) => new ChatReader(Loaded.Value.Tokenizer, ToolCallSyntax.None),
        _ when type == typeof(ChatTemplate) => Loaded.Value.Template!,
        _ when type == typeof(Engine) => Loaded.Value,
        _ when type == typeof(GenerationAccumulator) => new GenerationAccumulator(),
        _ when type == typeof(GenerationRequest) => GenerationRequest.FromText("text"),
        _ when type == typeof(JsonField) => new JsonField("key", default),
        _ when type == typeof(MachineRates) => new MachineRates("device", "instructions", 1, 1, 1, 1, 1),
        _ when type == typeof(ProcessGroup) => RuntimeHelpers.GetUninitializedObject(type), // a real one needs other processes
        _ when type == typeof(RecordWriter) => new RecordWriter("model"),
        _ when type == typeof(ReplyBlocks) => new ReplyBlocks(withThought: true),
        _ when type == typeof(SamplingKey) || type == typeof(SamplingKey<string>) => SamplingJson.Keys.OfType<SamplingKey<string>>().First(),
        _ when type == typeof(Tokenizer) => Loaded.Value.Tokenizer,
        _ when type == typeof(TurnList) => new TurnList([]),
        _ => throw new NotSupportedException($"no instance of {type} to call; add one here"),
    };

    private static object? Example(ParameterInfo parameter)
    {
        Type type = parameter.ParameterType;
        if (!MustNotBeNull(parameter))
            return type.IsValueType ? Activator.CreateInstance(type) : null;
        return type switch
        {
            _ when type == typeof(string) => "text",
            _ when type == typeof(Action<string>) => (Action<string>)(_ => { }),
            _ when type == typeof(JsonNode) || type == typeof(JsonObject) => new JsonObject(),
            _ when type == typeof(Engine) => Loaded.Value,
            _ when type == typeof(ModelConfig) => Loaded.Value.Config,
            _ when type == typeof(EngineOptions) => new EngineOptions(),
            _ when type == typeof(GeneratedSample) => new GeneratedSample
            {
                Tokens = [],
                Seed = 0,
                FinishReason = FinishReason.Stop,
                Usage = new Usage(1, 0, 0, 0),
            },
            _ when type == typeof(GeneratedToken) => new GeneratedToken
            {
                Token = default,
                Text = "",
                Entropy = 0,
                Soft = false,
                Thinking = false,
                Marker = false,
            },
            _ when type == typeof(GenerationRequest) => GenerationRequest.FromText("text"),
            _ when type == typeof(IReadOnlyList<ConceptToken>) => new ConceptToken[1],
            _ when type == typeof(IReadOnlyList<GeneratedToken>) => new List<GeneratedToken>(),
            _ when type == typeof(IReadOnlyList<float>) => new List<float>(),
            _ when type == typeof(ThinkingStrategy) => new SoftStrategy(),
            _ when type == typeof(StepScores) => new StepScores { LogP1 = [], LogPt = [], TokenLogP1 = 0, TokenLogPt = 0 },
            _ when type == typeof(SamplingOptions) => new SamplingOptions(),
            _ when type == typeof(TokenRecord) => RuntimeHelpers.GetUninitializedObject(type), // twenty required properties, none of which is read
            _ when type == typeof(Utf8JsonWriter) => new Utf8JsonWriter(Stream.Null),
            _ => throw new NotSupportedException($"no example of {type}; add one here"),
        };
    }
}
