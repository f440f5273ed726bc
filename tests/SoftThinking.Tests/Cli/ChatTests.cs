using System.Text.Json;
using NUnit.Framework;
using SoftThinking.Tests.Checkpoints;

namespace SoftThinking.Tests.Cli;

/// <summary>`chat`: messages, their answers, and what the model sees of earlier turns.</summary>
public class ChatTests
{
    private const string Second = "Compute 40 + 7.", Third = "Compute 3 + 4.";

    [Test]
    public void PipedMessagesAreAnsweredInTurn()
    {
        CliRun run = Chat([CliRun.Question, "", "  ", Second]);
        string alone = CliRun.Of("generate", "--prompt", CliRun.Question).Out;

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.StartWith(alone));
        Assert.That(run.Out.Split("</think>"), Has.Length.EqualTo(3));
        Assert.That(run.Out + run.Error, Does.Not.Contain("> "), "a prompt is for people");
        Assert.That(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(2).And.All.Match(
            @"^\d+ thoughts, \d+ answer tokens · \d+ of \d+ prompt tokens reused · [\d,]+ tokens/s$"));
    }

    [Test]
    public void TheObjectOfAnAnswerIsThatOfGenerate()
    {
        JsonElement[] answers = Chat([CliRun.Question, Second], "--json").JsonLines;
        JsonElement alone = CliRun.Ask().Json;

        Assert.That(answers, Has.Length.EqualTo(2));
        Assert.That(Names(answers[0]), Is.EqualTo(Names(alone).Prepend("cached_tokens")));
        Assert.That(Tokens(answers[0]), Is.EqualTo(Tokens(alone)));
    }

    [Test]
    public void TheModelSeesTheWholeConversation()
    {
        JsonElement[] answers = Chat([CliRun.Question, Second], "--json", "--system", "Add.").JsonLines;
        string line = JsonSerializer.Serialize(new
        {
            messages = new object[]
            {
                new { role = "system", content = "Add." },
                new { role = "user", content = CliRun.Question },
                new { role = "assistant", content = answers[0].GetProperty("answer"), reasoning_content = answers[0].GetProperty("thinking") },
                new { role = "user", content = Second },
            },
        });

        Assert.That(Tokens(answers[1]), Is.EqualTo(Tokens(CliRun.With(line, "generate", "--prompts", "-").Json)));
    }

    /// <summary>The template of this model drops earlier thoughts, so the next prompt differs from what was computed where the thought
    /// began.</summary>
    [Test]
    public void ALaterTurnReusesAllBeforeTheLastThought()
    {
        JsonElement[] answers = Chat([CliRun.Question, Second, Third], "--json").JsonLines;
        const int Marker = 2; // tokens of "<think>\n"

        Assert.That(Cached(answers[0]), Is.Zero);
        Assert.That(Cached(answers[1]), Is.GreaterThan(0).And.EqualTo(WholeBlocks(PromptTokens(answers[0]) - Marker)));
        Assert.That(Cached(answers[2]), Is.EqualTo(WholeBlocks(PromptTokens(answers[1]) - Marker)));
    }

    /// <summary>Ordinary thoughts: those of soft thinking are mixtures, which a prompt of text does not repeat.</summary>
    [Test]
    public void WhereTheTemplateKeepsThoughtsALaterTurnReusesTheAnswerToo()
    {
        using CaseModel model = CaseModel.Copy();
        File.WriteAllText(model.InModel("chat_template.jinja"), """
            {%- for message in messages %}{{- '<|im_start|>' + message.role + '\n' }}
            {%- if message.reasoning_content %}{{- '<think>\n' + message.reasoning_content + '\n</think>\n\n' }}{%- endif %}
            {{- message.content + '<|im_end|>\n' }}{%- endfor %}
            {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n<think>\n' }}{%- endif %}
            """);
        JsonElement[] answers = Chat([Second, Third], "--json", "--no-soft-thinking", "--model", model.Path).JsonLines;
        int computed = PromptTokens(answers[0]) + answers[0].GetProperty("tokens").GetArrayLength() - 1; // the last one ends the turn

        Assert.That(Cached(answers[1]), Is.EqualTo(WholeBlocks(computed)));
    }

    [TestCase("Compute \\\n40 + 7.", "Compute \n40 + 7.")]
    [TestCase("Compute\\\n\\\n40 + 7.", "Compute\n\n40 + 7.")]
    [TestCase("//soft off", "/soft off")]
    [TestCase("a \\ b\r", "a \\ b")]
    [TestCase("\uFEFFCompute", "Compute")]
    public void AMessageIsALineOrContinues(string input, string message)
    {
        using TempFolder folder = new();
        string file = folder.File("saved.json");
        Chat([input, "/save " + file], "--max-new-tokens", "1");

        Assert.That(Messages(file)[0].GetProperty("content").GetString(), Is.EqualTo(message));
    }

    [Test]
    public void TheEndOfTheInputEndsAMessage() =>
        Assert.That(Tokens(Chat(["Compute \\", "40 + 7.\\"], "--json").Json), Is.EqualTo(Tokens(Chat(["Compute \\", "40 + 7."], "--json").Json)));

    [Test]
    public void ALineThatIsNoTextIsReportedAndTheOthersAreAnswered()
    {
        CliRun run = CliRun.WithBytes([.. "Compute \xC3\\\n"u8, 0xFF, .. "\nCompute 1 + 1."u8], "chat", "--json", "--max-new-tokens", "1");

        Assert.That((run.Code, run.Error), Is.EqualTo((0, "error: standard input: line 2 is not valid UTF-8 at byte 1\n")));
        Assert.That(run.JsonLines, Has.Length.EqualTo(1));
    }

    [Test]
    public void AFullContextIsExplainedAndTheConversationGoesOn()
    {
        string filler = string.Join(' ', Enumerable.Repeat("1 + 1", 400));
        CliRun run = Chat([filler, "1 + 1", filler, "/reset", "2 + 2"], "--json", "--max-new-tokens", "2");
        JsonElement[] answers = run.JsonLines;

        Assert.That(run.Code, Is.Zero);
        Assert.That(answers.Select(answer => answer.GetProperty("finish_reason").GetString()),
            Is.EqualTo(new[] { "error", "length", "error", "length" }));
        Assert.That(answers[0].GetProperty("error").GetString(), Does.EndWith("the context of 1024 must hold it and an answer"));
        Assert.That(answers[2].GetProperty("error").GetString(), Does.EndWith("must hold it and an answer; /reset forgets the conversation"));
        Assert.That(run.Error, Does.Contain("error: " + answers[2].GetProperty("error").GetString()));
        Assert.That(PromptTokens(answers[3]), Is.EqualTo(PromptTokens(answers[1])), "a message without an answer is forgotten");
    }

    [Test]
    public void AnAnswerThatFillsTheContextSaysSo()
    {
        CliRun run = Chat(["1 + 1", "/reset", "1 + 1"], "--min-new-tokens", "4000");

        Assert.That(run.Error.Split("· cut off at the limit of tokens\nthe context of 1024 tokens is full: /reset forgets the conversation\n"),
            Has.Length.EqualTo(3));
    }

    [Test]
    public void AnErrorOfTheTemplateDoesNotEndTheConversation()
    {
        using CaseModel model = CaseModel.Copy();
        File.WriteAllText(model.InModel("chat_template.jinja"), "{{ raise_exception('no x') if messages[0].content == 'x' else messages[0].content }}");
        CliRun run = Chat(["x", "1 + 1"], "--no-soft-thinking", "--max-new-tokens", "1", "--model", model.Path);

        Assert.That(run.Code, Is.Zero);
        Assert.That(run.Error, Does.Match("^error: .*no x\n\n0 thoughts, 1 answer token · "));
    }

    [Test]
    public void AModelWithoutATemplateIsAnErrorAtOnce()
    {
        using CaseModel model = CaseModel.Copy().Edit("tokenizer_config.json", config => config.Remove("chat_template"));

        Assert.That(Chat(["x"], "--model", model.Path), Is.EqualTo(
            new CliRun(1, "", $"error: {model.Path}: the model has no chat template, which a conversation needs\n")));
    }

    [Test]
    public void OptionsHoldForEachAnswer()
    {
        CliRun run = Chat([Second, Third], "--json", "--max-thinking-tokens", "3", "--seed", "5", "--model-defaults");

        Assert.That(run.JsonLines.Select(answer => answer.GetProperty("thinking_end").GetString()), Is.All.EqualTo("budget"));
        Assert.That(run.JsonLines.Select(answer => answer.GetProperty("seed").GetInt32()), Is.All.EqualTo(5));
    }

    [TestCase(2, "error: --top-p must be above 0, at most 1, not 7", "--top-p", "7")]
    [TestCase(1, "error: no-such-model", "--model", "no-such-model")]
    public void AWrongCommandLineIsAnError(int code, string error, params string[] options)
    {
        CliRun run = Chat(["x"], options);

        Assert.That((run.Code, run.Out), Is.EqualTo((code, "")));
        Assert.That(run.Error, Does.StartWith(error));
    }

    internal static CliRun Chat(string[] lines, params string[] options) => CliRun.With(string.Join('\n', lines), ["chat", .. options]);

    internal static JsonElement[] Messages(string file) =>
        [.. JsonElement.Parse(File.ReadAllText(file)).GetProperty("messages").EnumerateArray()];

    internal static string Tokens(JsonElement answer) => answer.GetProperty("tokens").GetRawText();

    internal static int PromptTokens(JsonElement answer) => answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32();

    private static int Cached(JsonElement answer) => answer.GetProperty("cached_tokens").GetInt32();

    // The KV cache is reused in blocks.
    private static int WholeBlocks(int tokens) => tokens / 16 * 16;

    private static IEnumerable<string> Names(JsonElement json) => json.EnumerateObject().Select(property => property.Name);
}
