using System.Text.Json.Nodes;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>Saved conversations.</summary>
public class ChatFileTests
{
    private static readonly string[] Brief = ["--max-new-tokens", "2"];

    private TempFolder _folder = null!;
    private string _file = null!;

    [SetUp]
    public void MakeFolder() => _file = (_folder = new TempFolder()).File("saved.json");

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void ASavedConversationContinuesAsIfItHadNotEnded()
    {
        string[] first = [CliRun.Question, "Compute 40 + 7."];
        const string Last = "Compute 3 + 4.";
        CliRun whole = ChatTests.Chat([.. first, Last], "--json", "--system", "Add.");
        CliRun saved = ChatTests.Chat([.. first, "/save " + _file], "--system", "Add.");
        CliRun continued = ChatTests.Chat([Last], "--json", "--load", _file);

        Assert.That(saved.Error, Does.EndWith($"the conversation is saved to {_file}\n"));
        Assert.That(Directory.GetFiles(_folder.Path), Is.EqualTo(new[] { _file }));
        Assert.That(ChatTests.Tokens(continued.Json), Is.EqualTo(ChatTests.Tokens(whole.JsonLines[2])));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void ALinkIsFollowed()
    {
        string link = _folder.File("link");
        File.CreateSymbolicLink(link, "saved.json");
        CliRun run = ChatTests.Chat(["Compute 40 + 7.", $"/save {link}", $"/save {link}"], Brief);

        Assert.That(run.Error, Does.EndWith($"the conversation is saved to {link}\n"));
        Assert.That((new FileInfo(link).LinkTarget, File.ReadAllText(_file)), Is.EqualTo(("saved.json", File.ReadAllText(link))));
    }

    [Test]
    [Platform("Linux,MacOsX")]
    public void APipeIsNotReplaced()
    {
        string pipe = _folder.File("pipe");
        Assert.That(Tool.Run(["mkfifo", pipe]).ExitCode, Is.Zero);
        CliRun run = ChatTests.Chat(["Compute 40 + 7.", $"/save {pipe}"], Brief);

        Assert.That(run.Error, Does.EndWith($"error: {pipe}: '{pipe}' is a device or a pipe, not a file\n"));
        Assert.That(Tool.Run(["test", "-p", pipe]).ExitCode, Is.Zero);
    }

    [Test]
    public void TheFileHasTheFormatOfTheOpenAiApi()
    {
        CliRun run = ChatTests.Chat(["Compute 40 + 7.", "/save " + _file], "--system", "Ünïcode", "--json");
        JsonNode answer = JsonNode.Parse(run.Out)!;
        JsonObject expected = new()
        {
            ["messages"] = new JsonArray(
                new JsonObject { ["role"] = "system", ["content"] = "Ünïcode" },
                new JsonObject { ["role"] = "user", ["content"] = "Compute 40 + 7." },
                new JsonObject
                {
                    ["role"] = "assistant",
                    ["content"] = answer["answer"]!.DeepClone(),
                    ["reasoning_content"] = answer["thinking"]!.DeepClone(),
                }),
        };

        string text = File.ReadAllText(_file);
        Assert.That(text, Does.Contain("Ünïcode").And.Not.Contain("</think>"));
        Assert.That(JsonNode.DeepEquals(JsonNode.Parse(text), expected), text);
    }

    /// <summary>What another program wrote is kept, whatever its messages hold.</summary>
    [Test]
    public void LoadingAndSavingKeepsAllMessages()
    {
        string messages = """
            {"messages": [{"role": "system", "content": [{"type": "text", "text": "a"}]}, {"role": "user", "content": "b", "name": "c"},
            {"role": "assistant", "content": null, "tool_calls": [{"type": "function", "function": {"name": "d", "arguments": {}}}]},
            {"role": "tool", "content": "4", "tool_call_id": "e"}, {"role": "assistant", "content": "f", "reasoning_content": "g"}]}
            """;
        string loaded = _folder.Write("loaded.json", messages);
        CliRun run = ChatTests.Chat(["/save " + _file], "--load", loaded);

        Assert.That(run.Error, Is.EqualTo($"the conversation is saved to {_file}\n"));
        Assert.That(JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllText(_file)), JsonNode.Parse(messages)), File.ReadAllText(_file));
    }

    [Test]
    public void TheSystemOptionReplacesThatOfTheFile()
    {
        string loaded = _folder.Write("loaded.json", """{"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]}""");
        ChatTests.Chat(["/save " + _file], "--load", loaded, "--system", "c");

        Assert.That(ChatTests.Messages(_file).Select(message => message.GetProperty("content").GetString()), Is.EqualTo(new[] { "c", "b" }));
        Assert.That(ChatTests.Chat(["/system"], "--load", loaded).Error, Is.EqualTo("system message: a\n"));
    }

    [TestCase("", "the text is broken JSON")]
    [TestCase("{\"messages\": [\n{\"role\": \"user\",}]}", "the text is broken JSON at line 2, column 17")]
    [TestCase("[]", "the file must hold an object with \"messages\"")]
    [TestCase("{}", "\"prompt\" or \"messages\" is missing")]
    [TestCase("""{"messages": []}""", "messages must not be empty")]
    [TestCase("""{"messages": [{"role": "user", "content": "x"}, {"content": "y"}]}""", "messages[1] has no role")]
    [TestCase("""{"messages": [{"role": "user", "content": 1}]}""", "messages[0].content must be text, not 1")]
    [TestCase("""{"messages": [{"role": "user", "content": "x"}], "top_p": 1}""", "unknown key \"top_p\": only \"messages\" is read")]
    public void ABrokenFileIsNamedWithThePlace(string text, string problem)
    {
        CliRun run = ChatTests.Chat(["x"], "--load", _folder.Write("saved.json", text));

        Assert.That((run.Code, run.Out), Is.EqualTo((1, "")));
        Assert.That(run.Error, Does.StartWith($"error: --load: {_file}: {problem}"));
    }

    [Test]
    public void AFileThatCannotBeReadIsNamed()
    {
        Assert.That(ChatTests.Chat(["x"], "--load", _file).Error, Does.StartWith("error: --load: ").And.Contain(_file));
        Assert.That(ChatTests.Chat(["x"], "--load", _folder.Write("bytes.json", [0x7B, 0xFF])).Error,
            Is.EqualTo($"error: --load: {_folder.File("bytes.json")} is not valid UTF-8 at byte 2\n"));
    }

    [Test]
    public void AFileThatCannotBeWrittenIsNamedAndTheConversationGoesOn()
    {
        string missing = Path.Combine(_folder.Path, "missing", "saved.json"), directory = Directory.CreateDirectory(_folder.File("d")).FullName;
        CliRun run = ChatTests.Chat(["1 + 1", "/save " + missing, "/save " + directory, "/save a\0b", "/save " + _file], Brief);

        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Error, Does.Contain($"\nerror: {missing}: ").And.Contain($"\nerror: {directory}: ").And.Contain("\nerror: a\\x00b: "));
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EquivalentTo(new[] { _file, directory }), "nothing is left behind");
    }

    [Test]
    public void SavingAgainReplacesTheFile()
    {
        ChatTests.Chat(["1 + 1", "/save " + _file, "2 + 2", "/save " + _file], Brief);

        Assert.That(ChatTests.Messages(_file), Has.Length.EqualTo(4));
    }
}
