using System.Text.Json;
using System.Text.Json.Nodes;
using NUnit.Framework;

namespace SoftThinking.Server.Tests.Native;

/// <summary>/tokenize, /detokenize and /apply-template.</summary>
public class TokenizeTests
{
    private const string Chat = """[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is <|im_end|> 4 + 7?"}]""";

    private static readonly ChatMessage[] Messages = [new("system", "Be brief."), new("user", "What is <|im_end|> 4 + 7?")];

    private static TestServer Server => SharedServer.Instance;

    [TestCase("prompt")]
    [TestCase("content")]
    public async Task Text_ComesBack(string field)
    {
        const string Text = "What is 47 + 85? Größe, 東京 🙂 <think>\n";
        JsonElement tokens = await Server.AskAsync("/tokenize", new JsonObject { [field] = Text, ["return_token_strs"] = true }.ToJsonString());
        JsonElement text = await Server.AskAsync("/detokenize", $$"""{"tokens": {{tokens.GetProperty("tokens").GetRawText()}}}""");
        int[] ids = Server.Engine.Tokenizer.Encode(Text, addSpecialTokens: true);
        Assert.Multiple(() =>
        {
            Assert.That(IdsOf(tokens), Is.EqualTo(ids));
            Assert.That(tokens.GetProperty("count").GetInt32(), Is.EqualTo(ids.Length));
            Assert.That(tokens.GetProperty("max_model_len").GetInt32(), Is.EqualTo(Server.Engine.ContextLength));
            Assert.That(tokens.GetProperty("token_strs").EnumerateArray().Select(token => token.GetString()),
                Is.EqualTo(ids.Select(id => Server.Engine.Tokenizer.Decode([id], skipSpecialTokens: false))));
            Assert.That(text.GetProperty("prompt").GetString(), Is.EqualTo(Text));
            Assert.That(text.GetProperty("content").GetString(), Is.EqualTo(Text));
        });
    }

    [Test]
    public async Task Messages_GiveThePromptOfAChatCompletion()
    {
        JsonElement tokens = await Server.AskAsync("/tokenize",
            $$$"""{"messages": {{{Chat}}}, "chat_template_kwargs": {"enable_thinking": false}}""");
        JsonElement without = await Server.AskAsync("/tokenize", $$"""{"messages": {{Chat}}, "add_generation_prompt": false}""");
        JsonElement reply = await Server.AskAsync("/v1/chat/completions", $$"""{"messages": {{Chat}}, "max_tokens": 1}""");
        JsonElement plain = await Server.AskAsync("/tokenize", $$"""{"messages": {{Chat}}}""");
        ChatPrompt prompt = new(Messages);
        Assert.Multiple(() =>
        {
            Assert.That(IdsOf(tokens), Is.EqualTo(IdsOf(prompt with { TemplateVariables = new JsonObject { ["enable_thinking"] = false } })));
            Assert.That(IdsOf(without), Is.EqualTo(IdsOf(prompt with { AddGenerationPrompt = false })));
            Assert.That(plain.GetProperty("count").GetInt32(), Is.EqualTo(reply.GetProperty("usage").GetProperty("prompt_tokens").GetInt32()));
            Assert.That(tokens.TryGetProperty("token_strs", out _), Is.False);
        });
    }

    [Test]
    public async Task Template_IsThatOfTheEngine()
    {
        JsonElement all = await Server.AskAsync("/apply-template",
            $$$"""{"messages": {{{Chat}}}, "chat_template_kwargs": {"enable_thinking": false}}""");
        JsonElement without = await Server.AskAsync("/apply-template", $$"""{"messages": {{Chat}}, "add_generation_prompt": false}""");
        Assert.Multiple(() =>
        {
            Assert.That(all.GetProperty("prompt").GetString(),
                Is.EqualTo(Server.Engine.Template!.Render(Messages, variables: new JsonObject { ["enable_thinking"] = false })));
            Assert.That(without.GetProperty("prompt").GetString(), Is.EqualTo(Server.Engine.Template!.Render(Messages, addGenerationPrompt: false)));
        });
    }

    [TestCase("/tokenize", """{}""", "prompt")]
    [TestCase("/tokenize", """{"prompt": "a", "content": "b"}""", "prompt")]
    [TestCase("/tokenize", """{"prompt": 1}""", "prompt")]
    [TestCase("/tokenize", """{"messages": [{"role": "user"}]}""", "messages[0]")]
    [TestCase("/tokenize", """{"messages": [{"role": "user", "content": "a"}], "add_special_tokens": true}""", "add_special_tokens")]
    [TestCase("/tokenize", """{"prompt": "a", "add_special_token": true}""", "add_special_token")]
    [TestCase("/detokenize", """{}""", "tokens")]
    [TestCase("/detokenize", """{"tokens": "a"}""", "tokens")]
    [TestCase("/detokenize", """{"tokens": [1, -2]}""", "tokens[1]")]
    [TestCase("/detokenize", """{"tokens": [1, 2, 1000000]}""", "tokens[2]")]
    [TestCase("/apply-template", """{}""", "messages")]
    [TestCase("/apply-template", """{"messages": []}""", "messages")]
    public async Task Errors_NameTheField(string path, string request, string field)
    {
        (int status, JsonElement error) = await Server.FailAsync(path, request);
        Assert.That((status, error.GetProperty("error").GetProperty("param").GetString()), Is.EqualTo((400, field)), error.GetRawText());
    }

    private static IEnumerable<int> IdsOf(JsonElement reply) => reply.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32());

    private static IEnumerable<int> IdsOf(Prompt prompt) => Server.Engine.Encode(prompt).Select(token => token.Token);
}
