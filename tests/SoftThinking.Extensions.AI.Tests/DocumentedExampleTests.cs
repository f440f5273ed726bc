using Microsoft.Extensions.AI;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>The examples of docs/library.md are those that run here.</summary>
public class DocumentedExampleTests
{
    [Test]
    public async Task Client_StreamsThoughtAndAnswer()
    {
        Engine engine = Models.Demonstration;
        StringWriter Console = new();

        // <example>
        using IChatClient client = new SoftThinkingChatClient(engine, "tiny-reasoner");
        ChatOptions options = new ChatOptions { MaxOutputTokens = 400, Seed = 1 }.WithSoftThinking(new SamplingOptions { MaxTopk = 5 });
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("What is 47 + 85 - 19?", options))
        {
            foreach (TextReasoningContent thought in update.Contents.OfType<TextReasoningContent>())
                Console.Write(update.RawRepresentation is GeneratedToken { Token.IsPlain: false } mixture ? $"[{thought.Text} {mixture.Token.Entries.Length}]" : thought.Text);
            Console.Write(update.Text);
        }
        // </example>

        Assert.That(Console.ToString(), Does.EndWith("The answer is \\boxed{113}.").And.Match(@"\[[^\]]+ [2-5]\]"));
        DocumentedExample.AssertIsIn("library.md");
    }

    [Test]
    public async Task Host_HasModelHealthCheckAndFunctions()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("SoftThinking:Model", TestData.TinyReasoner)]);

        // <example>
        builder.Services.AddSoftThinking();
        builder.Services.AddHealthChecks().AddSoftThinking();
        builder.Services.AddChatClient(services => services.GetRequiredService<SoftThinkingChatClient>()).UseFunctionInvocation();
        // </example>

        using IHost host = builder.Build();
        await host.StartAsync();
        IChatClient client = host.Services.GetRequiredService<IChatClient>();
        ChatResponse reply = await client.GetResponseAsync(Models.Question, new ChatOptions { Temperature = 0 });
        HealthReport health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.That((reply.Text, health.Status, client.GetService<FunctionInvokingChatClient>() != null), Is.EqualTo((Models.Answer, HealthStatus.Healthy, true)));
        DocumentedExample.AssertIsIn("library.md");
    }

    [Test]
    public async Task Host_HasSeveralModels()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("SoftThinking:small:Model", TestData.TinyReasoner)]);

        // <example>
        builder.Services.AddKeyedSoftThinking("small");
        builder.Services.AddKeyedSoftThinking("large", options => options.Model = "models/graded-reasoner");
        builder.Services.AddHealthChecks().AddKeyedSoftThinking("small").AddKeyedSoftThinking("large", tags: ["slow"]);
        // </example>

        using IHost host = builder.Build();
        IChatClient client = host.Services.GetRequiredKeyedService<IChatClient>("small");
        HealthReport health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => !check.Tags.Contains("slow"));
        Assert.That((await client.GetResponseAsync(Models.Question, new ChatOptions { Temperature = 0 })).Text, Is.EqualTo(Models.Answer));
        Assert.That(health.Entries.Keys, Is.EqualTo(new[] { "softthinking-small" }));
        DocumentedExample.AssertIsIn("library.md");
    }
}
