using System.Text.RegularExpressions;
using NUnit.Framework;

namespace SoftThinking.Tests.Cli;

/// <summary>What people see while the model generates.</summary>
public partial class LiveTextTests
{
    private static readonly string[] Ask = ["generate", "--prompt", CliRun.Question];

    [Test]
    public void PlainTextIsTheModelsTextWithRunnersUp()
    {
        CliRun run = CliRun.Of(Ask);
        string text = CliRun.Ask().Json.GetProperty("text").GetString()!;

        Assert.That(run.Code, Is.Zero, run.Error);
        Assert.That(run.Out, Does.Match(@"so[⁰¹²³⁴⁵⁶⁷⁸⁹]+\|thus[⁰¹²³⁴⁵⁶⁷⁸⁹]+"));
        Assert.That(RunnersUp().Replace(run.Out, ""), Is.EqualTo($"<think>\n{text}\n"));
        Assert.That(run.Out + run.Error, Does.Not.Contain('\e'));
    }

    [Test]
    public void WithoutSoftThinkingTheTextIsExact()
    {
        CliRun run = CliRun.Of([.. Ask, "--no-soft-thinking"]);

        Assert.That(run.Out, Is.EqualTo($"<think>\n{CliRun.Ask("--no-soft-thinking").Json.GetProperty("text").GetString()}\n"));
    }

    /// <summary>After the budget ended its thinking, this model goes on as before and ends the thinking itself.</summary>
    [Test]
    public void AnEndMarkerThatTheModelRepeatsIsNotShown()
    {
        string[] ask = ["generate", "--prompt", "Compute 40 + 7.", "--max-thinking-tokens", "2"];
        string text = CliRun.Of([.. ask, "--json"]).Json.GetProperty("text").GetString()!;

        Assert.That(text.Split("</think>"), Has.Length.EqualTo(3), "the JSON has all text");
        Assert.That(CliRun.Of(ask).Out.Split("</think>"), Has.Length.EqualTo(2));
        Assert.That(CliRun.Of([.. ask, "--json"]).Json.GetProperty("answer").GetString(), Does.Not.Contain("</think>"));
    }

    [Test]
    public void AtATerminalThoughtsAreDimmedAndTheAnswerIsNot()
    {
        CliRun plain = CliRun.Of(Ask);
        using StringWriter output = new(), error = new();
        CliRun styled = CliRun.Run(null, output, error, Ask, style: true);

        Assert.That(AnsiCodes().Replace(styled.Out, ""), Is.EqualTo(plain.Out));
        Assert.That(styled.Out, Does.StartWith("\e[2m<think>"));
        int answer = styled.Out.IndexOf("The", StringComparison.Ordinal);
        string before = styled.Out[..answer];
        Assert.That(before, Does.Match(@"(?s)</think>.*\e\[0m[^\e]*$"), "the thoughts' style must end before the answer");
        Assert.That(styled.Out[answer..], Does.Not.Contain("\e[2m"));
    }

    [Test]
    public void TheClosingLineSumsUpTheRun()
    {
        CliRun run = CliRun.Of([.. Ask, "--seed", "3"]);

        Assert.That(run.Error.Trim(), Does.Match(
            @"^\d+ thoughts \(\d+ mixed\), \d+ answer tokens · prefill [\d,]+ tokens/s, decode [\d,]+ tokens/s · "
            + @"mean entropy 0\.\d{3} nats · the model ended its thinking · seed 3$"));
    }

    [TestCase("the budget ended the thinking", "--max-thinking-tokens", "3")]
    [TestCase("the thinking did not end · cut off at the limit of tokens", "--max-new-tokens", "3")]
    [TestCase("the cold stop ended the thinking", "--early-stopping-entropy-threshold", "1000", "--early-stopping-length-threshold", "2")]
    public void TheClosingLineSaysHowItEnded(string expected, params string[] options) =>
        Assert.That(CliRun.Of([.. Ask, .. options]).Error, Does.Contain(expected));

    [Test]
    public void AnInterruptedRunKeepsWhatItHas()
    {
        using CancellationTokenSource cancellation = new();
        using StringWriter error = new();
        using CancellingWriter output = new(cancellation, "compute");
        CliRun run = CliRun.Run(null, output, error, Ask, cancellation: cancellation.Token);

        Assert.That(run.Code, Is.EqualTo(130));
        Assert.That(run.Out, Does.StartWith("<think>\n").And.EndsWith(" compute\n"));
        Assert.That(run.Error, Does.Contain("interrupted").And.Not.Contain("error"));
    }

    [Test]
    public void ARunInterruptedAtOnceStillPrintsItsObject()
    {
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        using StringWriter output = new(), error = new();
        CliRun run = CliRun.Run(null, output, error, [.. Ask, "--json"], cancellation: cancellation.Token);

        Assert.That(run.Code, Is.EqualTo(130));
        Assert.That(run.Json.GetProperty("finish_reason").GetString(), Is.EqualTo("cancelled"));
        Assert.That(run.Json.GetProperty("tokens").GetArrayLength(), Is.Zero);
    }

    [GeneratedRegex(@"[⁰¹²³⁴⁵⁶⁷⁸⁹]+(\|[^|⁰¹²³⁴⁵⁶⁷⁸⁹]+[⁰¹²³⁴⁵⁶⁷⁸⁹]+)*")]
    private static partial Regex RunnersUp();

    [GeneratedRegex(@"\e\[[0-9;]*m")]
    private static partial Regex AnsiCodes();
}
