using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Server.Messages;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Responses;

namespace SoftThinking.Server.Tests.Calls;

/// <summary>The same conversation in every dialect is the same prompt.</summary>
public class ConversationTests
{
    private const string Schema = """{"type": "object", "properties": {"city": {"type": "string"}}}""";

    private const string Chat =
        $$$"""
        {"messages": [
          {"role": "developer", "content": "Be brief."},
          {"role": "user", "content": "Weather?"},
          {"role": "assistant", "content": "One moment.", "reasoning_content": "I ask.", "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\": \"Ur\"}"}},
            {"id": "c2", "type": "function", "function": {"name": "weather", "arguments": "{}"}}]},
          {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
          {"role": "tool", "tool_call_id": "c2", "content": "Error: where?"},
          {"role": "assistant", "content": "Sunny."},
          {"role": "user", "content": "Thanks.\nBye."}],
         "tools": [{"type": "function", "function": {"name": "weather", "description": "The weather", "parameters": {{{Schema}}} }}]}
        """;

    private const string Responses =
        $$$"""
        {"instructions": "Be brief.", "input": [
          {"role": "user", "content": "Weather?"},
          {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "I ask."}], "content": [{"type": "reasoning_text", "text": "I ask."}], "status": "completed"},
          {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "One moment.", "annotations": []}]},
          {"type": "function_call", "id": "f", "call_id": "c1", "name": "weather", "arguments": "{\"city\": \"Ur\"}"},
          {"type": "function_call", "call_id": "c2", "name": "weather", "arguments": "{}"},
          {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
          {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "Error: where?"}]},
          {"role": "assistant", "content": "Sunny."},
          {"role": "user", "content": [{"type": "input_text", "text": "Thanks."}, {"type": "input_text", "text": "Bye."}]}],
         "tools": [{"type": "web_search"}, {"type": "function", "name": "weather", "description": "The weather", "parameters": {{{Schema}}}, "strict": false }]}
        """;

    private const string Messages =
        $$$"""
        {"system": "Be brief.", "max_tokens": 10, "messages": [
          {"role": "user", "content": "Weather?"},
          {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "I ask.", "signature": "s"}, {"type": "redacted_thinking", "data": "x"}, {"type": "text", "text": "One moment."},
            {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Ur"}}, {"type": "tool_use", "id": "c2", "name": "weather", "input": {} }]},
          {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": "sunny"},
            {"type": "tool_result", "tool_use_id": "c2", "is_error": true, "content": [{"type": "text", "text": "where?"}]}]},
          {"role": "assistant", "content": "Sunny."},
          {"role": "user", "content": [{"type": "text", "text": "Thanks."}, {"type": "text", "text": "Bye.", "cache_control": {"type": "ephemeral"} }]}],
         "tools": [{"name": "weather", "description": "The weather", "input_schema": {{{Schema}}} }, {"type": "web_search_20250305", "name": "web_search"}]}
        """;

    private TestServer _scripted = null!;

    private Prompts Reader => new(_scripted.Engine, new ServerOptions { ModelName = "m" });

    [OneTimeSetUp]
    public async Task StartAsync() => _scripted = await ScriptedServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _scripted.DisposeAsync();

    [Test]
    public void Prompts_AreTheSame()
    {
        string chat = Prompts.Describe(Reader.Read(new ChatCompletions(), Chat));
        TestContext.Out.WriteLine(chat);
        Assert.Multiple(() =>
        {
            Assert.That(chat, Does.Contain("""
                assistant | One moment. | I ask. | [{"id":"c1","type":"function","function":{"name":"weather","arguments":{"city":"Ur"}}}
                """));
            Assert.That(Prompts.Describe(Reader.Read(new ResponsesApi(), Responses)), Is.EqualTo(chat));
            Assert.That(Prompts.Describe(Reader.Read(new MessagesApi(), Messages)), Is.EqualTo(chat));
        });
    }

    [Test]
    public async Task TokenCounts_AreTheSame()
    {
        JsonElement chat = await _scripted.AskAsync("/v1/chat/completions", WithLimit(Chat, "max_tokens"));
        JsonElement response = await _scripted.AskAsync("/v1/responses", WithLimit(Responses, "max_output_tokens"));
        JsonElement count = await _scripted.AskAsync("/v1/messages/count_tokens", Messages);
        int expected = chat.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();
        Assert.Multiple(() =>
        {
            Assert.That(response.GetProperty("usage").GetProperty("input_tokens").GetInt32(), Is.EqualTo(expected));
            Assert.That(count.GetProperty("input_tokens").GetInt32(), Is.EqualTo(expected));
        });
    }

    [TestCase("""{"instructions": "A", "input": [{"role": "developer", "content": "B"}, {"role": "system", "content": "C"}, {"role": "user", "content": "D"}]}""", "system A\n\nB\n\nC, user D")]
    [TestCase("""{"input": [{"role": "developer", "content": "B"}, {"role": "user", "content": "D"}]}""", "system B, user D")]
    [TestCase("""{"input": [{"role": "user", "content": "D"}, {"role": "developer", "content": "B"}]}""", "system server's, user D, system B")]
    [TestCase("""{"input": "D"}""", "system server's, user D")]
    [TestCase("""{"instructions": "A", "input": []}""", "system A, user ")]
    public void SystemMessages_AreOneAtTheStart(string body, string expected)
    {
        ServerOptions options = new() { ModelName = "m", Defaults = _ => GenerationRequest.FromMessages([new("system", "server's")]) };
        ChatPrompt chat = (ChatPrompt)new Prompts(_scripted.Engine, options).Read(new ResponsesApi(), body).Request.Prompt;
        Assert.That(string.Join(", ", chat.Messages.Select(message => $"{message.Role} {message.Content}")), Is.EqualTo(expected));
    }

    [Test]
    public void AdditionalTools_AreTools() => Assert.That(
        Prompts.Describe(Reader.Read(new ResponsesApi(), """
            {"input": [{"type": "additional_tools", "role": "developer", "tools": [{"type": "namespace", "name": "n", "tools": []}, {"type": "function", "name": "g"}]}, {"role": "user", "content": "a"}],
             "tools": [{"type": "function", "name": "f"}]}
            """)),
        Does.EndWith("""tools [{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]"""));

    [Test]
    public void TooManyItems_AreRefused()
    {
        Prompts reader = new(_scripted.Engine, new ServerOptions { ModelName = "m", MaxMessages = 1 });
        const string Items = """[{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]""";
        Assert.Multiple(() =>
        {
            Assert.That(() => reader.Read(new ResponsesApi(), $$"""{"input": {{Items}}}"""), Throws.InstanceOf<ArgumentException>().With.Message.StartsWith("input has"));
            Assert.That(() => reader.Read(new MessagesApi(), $$"""{"max_tokens": 1, "messages": {{Items}}}"""), Throws.InstanceOf<ArgumentException>().With.Message.StartsWith("messages has"));
        });
    }

    private static string WithLimit(string body, string field) => $$"""{"{{field}}": 1, {{body.Trim()[1..]}}""";
}
