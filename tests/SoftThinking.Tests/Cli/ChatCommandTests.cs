using System.Text.Json;
using NUnit.Framework;

namespace SoftThinking.Tests.Cli;

/// <summary>The commands of a conversation.</summary>
public class ChatCommandTests
{
    private const string Question = "Compute 40 + 7.";

    [TestCase("/foo", "error: unknown command /foo: /help lists the commands, // starts a message with a slash\n")]
    [TestCase("/", "error: unknown command /: /help lists the commands, // starts a message with a slash\n")]
    [TestCase("/soft maybe", "error: /soft must be followed by on or off, not 'maybe'\n")]
    [TestCase("/trace 1", "error: /trace must be followed by on or off, not '1'\n")]
    [TestCase("/reset all", "error: /reset has no argument, not 'all'\n")]
    [TestCase("/save", "error: /save needs the name of a file\n")]
    [TestCase("/save x.json", "error: there is nothing to save yet\n")]
    [TestCase("/trace", "there is no answer yet\n")]
    [TestCase("/soft", "soft thinking is on\n")]
    [TestCase("/soft off", "soft thinking is off\n")]
    [TestCase("/system", "there is no system message\n")]
    [TestCase("/system  Be brief. ", "system message: Be brief.\n")]
    [TestCase("/system a\\\nb", "system message: a\nb\n")]
    [TestCase("/system \e[2J", "system message: \\x1B[2J\n")]
    [TestCase("/reset", "the conversation is forgotten\n")]
    public void ACommandSaysWhatItDid(string command, string expected) =>
        Assert.That(ChatTests.Chat([command]), Is.EqualTo(new CliRun(0, "", expected)));

    [Test]
    public void HelpNamesEveryCommandIn80Columns()
    {
        string[] lines = ChatTests.Chat(["/help"]).Error.Split('\n');

        Assert.That(lines, Has.All.Length.LessThanOrEqualTo(80));
        foreach (string name in new[] { "/system", "/soft", "/trace", "/reset", "/save", "/help", "/exit", "/quit", "//TEXT" })
            Assert.That(lines, Has.Some.Match($"^  {name} +.*[A-Z]"), name);
    }

    [TestCase("/exit")]
    [TestCase("/quit")]
    public void ExitEndsTheConversation(string command) =>
        Assert.That(ChatTests.Chat([command, Question]), Is.EqualTo(new CliRun(0, "", "")));

    [Test]
    public void SoftThinkingCanBeSwitched()
    {
        JsonElement[] answers = Ask(["/soft off", Question, "/reset", "/soft on", Question]);

        Assert.That(answers[0].GetProperty("tokens").EnumerateArray().Select(IsSoft), Has.None.True);
        Assert.That(answers[1].GetProperty("tokens").EnumerateArray().Select(IsSoft), Has.Some.True);
        Assert.That(ChatTests.Tokens(answers[0]), Is.EqualTo(
            ChatTests.Tokens(CliRun.Of("generate", "--prompt", Question, "--json", "--no-soft-thinking").Json)));
    }

    [Test]
    public void ResetForgetsTheTurnsAndKeepsTheSystemMessage()
    {
        JsonElement[] answers = Ask([Question, Question, "/reset", Question], "--system", "Add.");

        Assert.That(ChatTests.Tokens(answers[2]), Is.EqualTo(ChatTests.Tokens(answers[0])));
        Assert.That(ChatTests.PromptTokens(answers[1]), Is.GreaterThan(ChatTests.PromptTokens(answers[2])));
    }

    [Test]
    public void TheSystemMessageCanBeReplacedAndRemoved()
    {
        JsonElement[] answers = Ask(["/system Add.", Question, "/reset", "/system -", Question], "--system", "Do not add.");

        Assert.That(ChatTests.Tokens(answers[0]), Is.EqualTo(
            ChatTests.Tokens(CliRun.Of("generate", "--prompt", Question, "--json", "--system", "Add.").Json)));
        Assert.That(ChatTests.Tokens(answers[1]), Is.EqualTo(ChatTests.Tokens(CliRun.Of("generate", "--prompt", Question, "--json").Json)));
    }

    [Test]
    public void ATraceShowsMixturesAndEntropies()
    {
        string[] options = ["--max-new-tokens", "3"];
        string[] asked = ChatTests.Chat([Question, "/trace"], options).Error.Split('\n');

        Assert.That(asked[2..^1], Has.Length.EqualTo(4));
        Assert.That(asked[2], Is.EqualTo("    #  entropy  token         mixture"));
        Assert.That(asked[3], Does.Match(@"^    0    1\.\d{3}  (Well|Okay|First) +(\w+ 3\d\.\d %(, )?){3}$"));
        Assert.That(asked[4], Does.Match(@"^    1    0\.000  ,$"), "a certain token has no mixture");

        string switched = ChatTests.Chat(["/trace on", Question, "/trace off", Question], options).Error;
        Assert.That(switched.Split(asked[3]), Has.Length.EqualTo(2), "after one of the two answers");
    }

    private static JsonElement[] Ask(string[] lines, params string[] options) => ChatTests.Chat(lines, ["--json", .. options]).JsonLines;

    private static bool IsSoft(JsonElement token) => token.GetProperty("soft").GetBoolean();
}
