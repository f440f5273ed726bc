using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>A model as a service of an application.</summary>
public class HostingTests
{
    [Test]
    public async Task Host_LoadsTheModelOfItsConfiguration()
    {
        using IHost host = HostWith(("SoftThinking:Model", TestData.TinyReasoner), ("SoftThinking:Device", "cpu"), ("SoftThinking:MaxSequences", "3"), ("SoftThinking:KvDtype", "F32"));
        await host.StartAsync();
        ChatResponse reply = await host.Services.GetRequiredService<IChatClient>().GetResponseAsync(Models.Question, new ChatOptions { Temperature = 0 });
        SoftThinkingOptions options = host.Services.GetRequiredService<IOptions<SoftThinkingOptions>>().Value;
        Assert.Multiple(() =>
        {
            Assert.That((reply.Text, reply.ModelId), Is.EqualTo((Models.Answer, "tiny-reasoner")));
            Assert.That((options.Device, options.MaxSequences, options.KvDtype), Is.EqualTo((ComputeDevice.Cpu, 3, KvDtype.F32)));
            Assert.That(host.Services.GetRequiredService<IChatClient>().GetService<Engine>(), Is.SameAs(host.Services.GetRequiredService<Engine>()));
            Assert.That(host.Services.GetRequiredService<IChatClient>(), Is.SameAs(host.Services.GetRequiredService<SoftThinkingChatClient>()));
        });
        await host.StopAsync();
    }

    [TestCase("is missing", "SoftThinking:Threads", "1")]
    [TestCase("SoftThinking:Model: \"/nowhere\" does not exist", "SoftThinking:Model", "/nowhere")]
    [TestCase("SoftThinking:Threads: Threads must be 0 to 1024", "SoftThinking:Threads", "-1", "SoftThinking:Model", "/")]
    [TestCase("SoftThinking:Device", "SoftThinking:Device", "abacus", "SoftThinking:Model", "/")]
    public void WrongSetting_IsNamedAtStart(string message, params string[] settings)
    {
        using IHost host = HostWith([.. settings.Chunk(2).Select(pair => (pair[0], pair[1]))]);
        Assert.That(async () => await host.StartAsync(), Throws.Exception.With.Message.Contains(message));
    }

    [Test]
    public async Task ModelThatDoesNotLoad_FailsCallsAndHealth()
    {
        string folder = Directory.CreateTempSubdirectory("empty-").FullName;
        try
        {
            List<string> lines = [];
            using IHost host = HostWith(lines, ("SoftThinking:Model", folder));
            await host.StartAsync();
            await Assert.ThrowsAsync<ModelFileException>(() => host.Services.GetRequiredService<IChatClient>().GetResponseAsync("Hello"));
            Assert.Throws<ModelFileException>(() => host.Services.GetRequiredService<Engine>());
            HealthReportEntry entry = await CheckAsync(host.Services);
            Assert.Multiple(() =>
            {
                Assert.That((entry.Status, entry.Exception), Is.EqualTo((HealthStatus.Unhealthy, entry.Exception as ModelFileException)));
                Assert.That(entry.Description, Does.StartWith("the model is not loaded: ").And.Contain(folder));
                Assert.That(lines, Has.Some.EqualTo($"Error {folder} could not be loaded"));
            });
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task Health_IsDegradedUntilTheModelIsLoaded()
    {
        TaskCompletionSource<Engine> loading = new();
        EngineLoader loader = new((_, _) => loading.Task);
        EngineHealthCheck check = new(loader);
        HealthCheckContext context = new() { Registration = new HealthCheckRegistration("softthinking", check, null, null) };
        HealthCheckResult before = await check.CheckHealthAsync(context);
        loading.SetResult(Models.Scripted);
        await loader.LoadAsync();
        HealthCheckResult after = await check.CheckHealthAsync(context);
        Assert.Multiple(() =>
        {
            Assert.That((before.Status, before.Description), Is.EqualTo((HealthStatus.Degraded, "the model is being loaded: 0 %")));
            Assert.That((after.Status, after.Data["running"]), Is.EqualTo((HealthStatus.Healthy, 0)));
        });
    }

    [Test]
    public async Task WithoutHost_FirstUseLoads()
    {
        await using ServiceProvider services = Services().BuildServiceProvider();
        IChatClient client = services.GetRequiredService<IChatClient>();
        Assert.That((await client.GetResponseAsync(Models.Question, new ChatOptions { Temperature = 0 })).Text, Is.EqualTo(Models.Answer));
        Assert.That((await CheckAsync(services)).Status, Is.EqualTo(HealthStatus.Healthy));
    }

    [Test]
    public async Task CallsWhileTheModelLoads_Wait()
    {
        TaskCompletionSource<Engine> loading = new();
        SoftThinkingChatClient client = new(() => loading.Task, "scripted");
        using CancellationTokenSource cancellation = new();
        Task<ChatResponse> waiting = client.GetResponseAsync("Hello", new ChatOptions { Temperature = 0 }), cancelled = client.GetResponseAsync("Hello", null, cancellation.Token);
        Assert.That((waiting.IsCompleted, client.GetService<Engine>()), Is.EqualTo((false, (Engine?)null)));
        await cancellation.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => cancelled);
        loading.SetResult(Models.Scripted);
        Assert.That((await waiting).Text, Is.EqualTo(Models.Greeting));
    }

    [Test]
    public async Task Container_IsDisposedWhileRequestsRun([Values] bool synchronously)
    {
        ServiceProvider services = Services().BuildServiceProvider();
        IChatClient client = services.GetRequiredService<IChatClient>();
        Engine engine = services.GetRequiredService<Engine>();
        ChatOptions endless = new ChatOptions().WithSoftThinking(new GenerationRequest { Prompt = new ChatPrompt([]), IgnoreEndOfText = true });
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("Hello", endless))
            {
                if (update.RawRepresentation is not GeneratedToken)
                    continue;
                if (synchronously)
                    await Task.Run(services.Dispose);
                else
                    await services.DisposeAsync();
            }
        });
        client.Dispose();
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hello"));
    }

    [Test]
    public async Task Container_IsDisposedWhileTheModelLoads()
    {
        ServiceProvider services = Services().BuildServiceProvider();
        IChatClient client = services.GetRequiredService<IChatClient>();
        Task<ChatResponse> reply = client.GetResponseAsync("Hello");
        await services.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reply);
    }

    [Test]
    public async Task Container_IsDisposedBeforeItIsUsed()
    {
        ServiceProvider services = Services().BuildServiceProvider();
        IChatClient client = services.GetRequiredService<IChatClient>();
        await services.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync("Hello"));
    }

    [Test]
    public async Task Logger_IsDisposedFirst()
    {
        LineLogger logger = new(_ => { });
        await using ServiceProvider services = Services().AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(logger)).BuildServiceProvider();
        IChatClient client = services.GetRequiredService<IChatClient>();
        ChatOptions greedy = new() { Temperature = 0 };
        await client.GetResponseAsync(Models.Question, greedy);
        logger.Dispose();
        Assert.That((await client.GetResponseAsync(Models.Question, greedy)).Text, Is.EqualTo(Models.Answer));
    }

    [Test]
    public async Task Logger_HearsOfTheEngine()
    {
        List<string> lines = [];
        await using ServiceProvider services = Services().AddLogging(logging => logging.AddProvider(new LineLogger(lines.Add))).BuildServiceProvider();
        _ = services.GetRequiredService<Engine>();
        Assert.That(lines, Has.Some.StartsWith("Information Loaded "));
    }

    [Test]
    public void Options_HaveTheSettingsOfTheEngine()
    {
        string[] others = [nameof(EngineOptions.Logger), nameof(EngineOptions.LoadProgress), nameof(EngineOptions.Profile), nameof(EngineOptions.CudaStream)];
        IEnumerable<string> settings = typeof(EngineOptions).GetProperties().Select(property => property.Name).Except(others);
        string[] own = [nameof(SoftThinkingOptions.Model), nameof(SoftThinkingOptions.ModelId)];
        Assert.That(typeof(SoftThinkingOptions).GetProperties().Select(property => property.Name).Except(own), Is.EquivalentTo(settings));
    }

    [Test]
    public void Settings_ReachTheEngine()
    {
        SoftThinkingOptions options = new()
        {
            Device = ComputeDevice.Cpu,
            DeviceOrdinal = 1,
            Threads = 2,
            TensorParallel = 3,
            Weights = WeightFormat.Int8,
            KvDtype = KvDtype.F32,
            FastPrefill = true,
            MaxSequences = 4,
            StepTokens = 5,
            KvCacheBytes = 6,
            ContextLength = 7,
            MaxNewTokens = 8,
            MaxTopk = 9,
            QueueLength = 10,
            PrefixCache = false,
        };
        EngineOptions expected = new()
        {
            Device = ComputeDevice.Cpu,
            DeviceOrdinal = 1,
            Threads = 2,
            TensorParallel = 3,
            Weights = WeightFormat.Int8,
            KvDtype = KvDtype.F32,
            FastPrefill = true,
            MaxSequences = 4,
            StepTokens = 5,
            KvCacheBytes = 6,
            ContextLength = 7,
            MaxNewTokens = 8,
            MaxTopk = 9,
            QueueLength = 10,
            PrefixCache = false,
        };
        Assert.That((options.ToEngineOptions(), new SoftThinkingOptions().ToEngineOptions()), Is.EqualTo((expected, new EngineOptions())));
    }

    [TestCase("/models/tiny/", null, "tiny")]
    [TestCase("/models/tiny.safetensors", null, "tiny")]
    [TestCase("/models/Qwen3-0.6B", null, "Qwen3-0.6B")]
    [TestCase("/models/tiny", "name", "name")]
    public void ModelName_IsThatOfThePath(string path, string? id, string expected) =>
        Assert.That(new SoftThinkingOptions { Model = path, ModelId = id }.ModelName, Is.EqualTo(expected));

    [Test]
    public void AddSoftThinking_RefusesNull()
    {
        ServiceCollection services = new();
        Assert.Multiple(() =>
        {
            Assert.Throws<ArgumentNullException>(() => SoftThinkingServices.AddSoftThinking((IServiceCollection)null!));
            Assert.Throws<ArgumentNullException>(() => services.AddSoftThinking((IConfiguration)null!));
            Assert.Throws<ArgumentNullException>(() => services.AddSoftThinking((Action<SoftThinkingOptions>)null!));
            Assert.Throws<ArgumentNullException>(() => SoftThinkingServices.AddSoftThinking((IHealthChecksBuilder)null!));
            Assert.Throws<ArgumentNullException>(() => services.AddHealthChecks().AddSoftThinking(null!));
        });
    }

    private static IServiceCollection Services()
    {
        IServiceCollection services = new ServiceCollection().AddLogging().AddSoftThinking(options => (options.Model, options.Device) = (TestData.TinyReasoner, ComputeDevice.Cpu));
        services.AddHealthChecks().AddSoftThinking();
        return services;
    }

    private static IHost HostWith(params (string Key, string Value)[] settings) => HostWith([], settings);

    private static IHost HostWith(List<string> lines, params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value));
        builder.Services.AddLogging(logging => logging.AddProvider(new LineLogger(lines.Add))).AddSoftThinking();
        builder.Services.AddHealthChecks().AddSoftThinking();
        return builder.Build();
    }

    private static async Task<HealthReportEntry> CheckAsync(IServiceProvider services) =>
        (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries["softthinking"];
}
