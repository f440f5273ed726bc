using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>Several models as services of an application.</summary>
public class KeyedHostingTests
{
    [Test]
    public async Task Host_LoadsEachModelOfItsConfiguration()
    {
        HostApplicationBuilder builder = BuilderWith(
            ("SoftThinking:Model", TestData.TinyReasoner), ("SoftThinking:small:Model", TestData.TinyReasoner), ("SoftThinking:small:ModelId", "few"),
            ("SoftThinking:small:MaxSequences", "2"), ("Other:Model", TestData.TinyReasoner), ("Other:ModelId", "many"));
        builder.Services.AddSoftThinking().AddKeyedSoftThinking("small").AddKeyedSoftThinking("large", builder.Configuration.GetSection("Other"));
        builder.Services.AddHealthChecks().AddSoftThinking().AddKeyedSoftThinking("small").AddKeyedSoftThinking("large", "the large one");
        builder.Services.AddTransient<Caller>();
        using IHost host = builder.Build();
        await host.StartAsync();
        IChatClient[] clients = [.. new[] { null, "small", "large" }.Select(host.Services.GetRequiredKeyedService<IChatClient>)];
        Engine[] engines = [.. new[] { null, "small", "large" }.Select(host.Services.GetRequiredKeyedService<Engine>)];
        List<(string, string?)> replies = [];
        foreach (IChatClient client in clients)
        {
            ChatResponse reply = await client.GetResponseAsync(Models.Question, new ChatOptions { Temperature = 0 });
            replies.Add((reply.Text, reply.ModelId));
        }
        HealthReport health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        IOptionsMonitor<SoftThinkingOptions> options = host.Services.GetRequiredService<IOptionsMonitor<SoftThinkingOptions>>();
        Assert.Multiple(() =>
        {
            Assert.That(replies, Is.EqualTo(new[] { "tiny-reasoner", "few", "many" }.Select(model => (Models.Answer, model))));
            Assert.That(clients.Select(client => client.GetService<Engine>()), Is.EqualTo(engines));
            Assert.That(engines, Is.Unique);
            Assert.That(host.Services.GetRequiredService<Caller>().Client, Is.SameAs(clients[1]));
            Assert.That((options.Get("small").MaxSequences, options.Get("large").MaxSequences), Is.EqualTo((2, (int?)null)));
            Assert.That(health.Entries.Select(entry => (entry.Key, entry.Value.Status)),
                Is.EquivalentTo(new[] { "softthinking", "softthinking-small", "the large one" }.Select(name => (name, HealthStatus.Healthy))));
        });
        await host.StopAsync();
    }

    [Test]
    public async Task Models_LiveAndFailApart()
    {
        string folder = Directory.CreateTempSubdirectory("empty-").FullName;
        try
        {
            ServiceProvider services = new ServiceCollection()
                .AddKeyedSoftThinking("good", options => options.Model = TestData.TinyReasoner)
                .AddKeyedSoftThinking("bad", options => options.Model = folder)
                .BuildServiceProvider();
            IChatClient good = services.GetRequiredKeyedService<IChatClient>("good"), bad = services.GetRequiredKeyedService<IChatClient>("bad");
            await Assert.ThrowsAsync<ModelFileException>(() => bad.GetResponseAsync("Hello"));
            Assert.That((await good.GetResponseAsync(Models.Question, new ChatOptions { Temperature = 0 })).Text, Is.EqualTo(Models.Answer));
            Assert.That(services.GetService<IChatClient>(), Is.Null);
            await services.DisposeAsync();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => good.GetResponseAsync("Hello"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestCase("SoftThinking:small:Model: is missing", "SoftThinking:large:Model", "/")]
    [TestCase("SoftThinking:large:Model: \"/nowhere\" does not exist", "SoftThinking:small:Model", "/", "SoftThinking:large:Model", "/nowhere")]
    [TestCase("SoftThinking:large:Threads: Threads must be 0 to 1024", "SoftThinking:small:Model", "/", "SoftThinking:large:Model", "/", "SoftThinking:large:Threads", "-1")]
    public void WrongSetting_IsNamedWithItsKey(string message, params string[] settings)
    {
        HostApplicationBuilder builder = BuilderWith([.. settings.Chunk(2).Select(pair => (pair[0], pair[1]))]);
        builder.Services.AddKeyedSoftThinking("small").AddKeyedSoftThinking("large");
        using IHost host = builder.Build();
        Assert.That(async () => await host.StartAsync(), Throws.Exception.With.Message.Contains(message));
    }

    [Test]
    public void KeyOfAnotherModel_IsRefused()
    {
        IServiceCollection services = new ServiceCollection().AddKeyedSoftThinking("small", options => options.Model = TestData.TinyReasoner);
        int before = services.Count;
        Assert.Multiple(() =>
        {
            Assert.That(() => services.AddKeyedSoftThinking("small"), Throws.ArgumentException.With.Message.Contains("\"small\" is registered already"));
            Assert.That(services, Has.Count.EqualTo(before));
            Assert.DoesNotThrow(() => services.AddKeyedSoftThinking("Small"));
        });
    }

    [TestCase("tiny", "with the key \"tiny\"")]
    [TestCase(null, "without a key")]
    public void HealthOfAModelThatIsNotRegistered_IsNamed(string? key, string message)
    {
        ServiceCollection services = new();
        IHealthChecksBuilder checks = services.AddLogging().AddKeyedSoftThinking("small").AddHealthChecks();
        _ = key == null ? checks.AddSoftThinking() : checks.AddKeyedSoftThinking(key);
        using ServiceProvider provider = services.BuildServiceProvider();
        Assert.That(() => provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(), Throws.InvalidOperationException.With.Message.Contains(message));
    }

    [Test]
    public void AddKeyedSoftThinking_RefusesNullAndEmpty()
    {
        ServiceCollection services = new();
        IHealthChecksBuilder checks = services.AddHealthChecks();
        IConfiguration section = new ConfigurationManager();
        Assert.Multiple(() =>
        {
            Assert.Throws<ArgumentNullException>(() => SoftThinkingServices.AddKeyedSoftThinking((IServiceCollection)null!, "key"));
            Assert.Throws<ArgumentNullException>(() => services.AddKeyedSoftThinking(null!));
            Assert.Throws<ArgumentNullException>(() => services.AddKeyedSoftThinking("key", (IConfiguration)null!));
            Assert.Throws<ArgumentNullException>(() => services.AddKeyedSoftThinking("key", (Action<SoftThinkingOptions>)null!));
            Assert.Throws<ArgumentNullException>(() => SoftThinkingServices.AddKeyedSoftThinking((IHealthChecksBuilder)null!, "key"));
            Assert.Throws<ArgumentNullException>(() => checks.AddKeyedSoftThinking(null!));
            Assert.Throws<ArgumentException>(() => services.AddKeyedSoftThinking("", section));
            Assert.Throws<ArgumentException>(() => checks.AddKeyedSoftThinking(""));
        });
    }

    private static HostApplicationBuilder BuilderWith(params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(settings.ToDictionary(setting => setting.Key, setting => (string?)setting.Value));
        builder.Services.AddLogging();
        return builder;
    }

    /// <summary>A service that one of the models is injected into.</summary>
    private sealed class Caller([FromKeyedServices("small")] IChatClient client)
    {
        public IChatClient Client { get; } = client;
    }
}
