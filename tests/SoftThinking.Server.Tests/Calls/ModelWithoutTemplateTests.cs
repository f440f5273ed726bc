using System.Net;
using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Server.Tests.Calls;

/// <summary>A base model, which has no chat template, continues texts and refuses conversations.</summary>
public class ModelWithoutTemplateTests
{
    private string _folder = null!;
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _folder = Directory.CreateTempSubdirectory("base-model-").FullName;
        foreach (string file in new[] { "config.json", "generation_config.json", "model.safetensors", "tokenizer.json" })
            File.CreateSymbolicLink(Path.Combine(_folder, file), Path.Combine(TestData.TinyReasoner, file));
        _server = await TestServer.StartAsync(model: _folder);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [TestCase("/v1/chat/completions", """{"messages": [{"role": "user", "content": "Hi"}]}""")]
    [TestCase("/v1/chat/completions", """{"stream": true, "messages": [{"role": "user", "content": "Hi"}]}""")]
    [TestCase("/v1/responses", """{"input": "Hi"}""")]
    [TestCase("/v1/messages", """{"max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}""")]
    [TestCase("/v1/messages/count_tokens", """{"messages": [{"role": "user", "content": "Hi"}]}""")]
    [TestCase("/apply-template", """{"messages": [{"role": "user", "content": "Hi"}]}""")]
    [TestCase("/tokenize", """{"messages": [{"role": "user", "content": "Hi"}]}""")]
    public async Task Conversations_AreRefused(string path, string json)
    {
        (int status, JsonElement error) = await _server.FailAsync(path, json);
        Assert.That(status, Is.EqualTo((int)HttpStatusCode.BadRequest));
        Assert.That(error.GetProperty("error").GetProperty("message").GetString(), Does.StartWith("the model has no chat template"));
    }

    [TestCase("/v1/completions", """{"prompt": "7 + 5 =", "max_tokens": 2}""")]
    [TestCase("/generate", """{"text": "7 + 5 =", "sampling_params": {"max_new_tokens": 2}}""")]
    [TestCase("/tokenize", """{"prompt": "7 + 5 ="}""")]
    public Task Texts_AreContinued(string path, string json) => _server.AskAsync(path, json);
}
