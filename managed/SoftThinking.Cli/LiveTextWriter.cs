using System.Globalization;
using SoftThinking.Tokenization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace SoftThinking.Cli;

/// <summary>Shows a run as it is generated: thoughts dimmed, uncertain ones with their runners-up, then the answer, and a
/// summary line on standard error. The model's text is printed unchanged, including white space.</summary>
internal sealed class LiveTextWriter : IRunWriter
{
    private static readonly Style Thought = new(decoration: Decoration.Dim);
    private static readonly Style Uncertain = new(Color.Teal, decoration: Decoration.Dim);
    private static readonly Style Answer = Style.Plain;

    private readonly Terminal _terminal;
    private readonly Tokenizer _tokenizer;
    private readonly Func<GenerationRun, string> _summary;
    private bool _lineOpen;

    /// <param name="summary">Makes the summary line; null for <see cref="Summary"/>.</param>
    public LiveTextWriter(Terminal terminal, Tokenizer tokenizer, Func<GenerationRun, string>? summary = null) =>
        (_terminal, _tokenizer, _summary) = (terminal, tokenizer, summary ?? Summary);

    public void Add(GenerationRun run, GenerationEvent next)
    {
        if (next is GenerationStarted started)
            Write(started.Thinking ? started.OpenThought : "", Thought);
        if (next is not GeneratedToken token || token is { Marker: true, Thinking: false }) // a repeated end marker
            return;
        if (Mixture.Of(token, _tokenizer) is Mixture mixture)
            Write(mixture);
        else
            Write(token.Text, token.Thinking ? Thought : Answer);
        _terminal.Out.Flush();
    }

    public void End(GenerationRun run)
    {
        if (_lineOpen)
            Write("\n", Answer);
        _terminal.Out.Flush();
        if (run.Tokens.Count == 0)
            return;
        _terminal.Error.WriteLine();
        if (_terminal.StyleError)
            _terminal.ErrorConsole.Write(new Text(_summary(run) + "\n", Thought)); // wraps between words
        else
            _terminal.Error.WriteLine(_summary(run));
        _terminal.Error.Flush();
    }

    /// <summary>The summary line.</summary>
    internal static string Summary(GenerationRun run)
    {
        int answered = run.Tokens.Count - run.ThinkingTokens;
        return string.Create(CultureInfo.InvariantCulture,
            $"{Count(run.ThinkingTokens, "thought")} ({run.MixedTokens} mixed), {Count(answered, "answer token")} · "
            + $"prefill {run.PrefillTokensPerSecond:N0} tokens/s, decode {run.DecodeTokensPerSecond:N0} tokens/s · "
            + $"mean entropy {run.MeanEntropy:0.000} nats · {ThinkingOf(run)}{EndOf(run)} · seed {run.Sample.Seed}");
    }

    /// <summary>The summary line of an answer in a conversation.</summary>
    internal static string ShortSummary(GenerationRun run)
    {
        int answered = run.Tokens.Count - run.ThinkingTokens;
        string reused = run.CachedTokens is int cached ? $" · {cached} of {run.Sample.Usage.PromptTokens} prompt tokens reused" : "";
        return string.Create(CultureInfo.InvariantCulture,
            $"{Count(run.ThinkingTokens, "thought")}, {Count(answered, "answer token")}{reused} · "
            + $"{run.DecodeTokensPerSecond:N0} tokens/s{EndOf(run)}");
    }

    private void Write(Mixture mixture)
    {
        Write(mixture.Before + mixture.Token, Thought);
        Write(mixture.Weight, Uncertain);
        foreach ((string text, string weight) in mixture.RunnersUp)
            Write($"|{text}{weight}", Uncertain);
        Write(mixture.After, Thought);
    }

    private void Write(string text, Style style)
    {
        if (text.Length == 0)
            return;
        _lineOpen = text[^1] != '\n';
        if (_terminal.StyleOut)
            _terminal.OutConsole.Write(new Verbatim(TokenText.Harmless(text), style));
        else
            _terminal.Out.Write(text);
    }

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";

    private static string ThinkingOf(GenerationRun run) => run.Sample.ThinkingEnd switch
    {
        ThinkingEnd.Model => "the model ended its thinking",
        ThinkingEnd.ColdStop => "the cold stop ended the thinking",
        ThinkingEnd.Budget => "the budget ended the thinking",
        ThinkingEnd.Cusum => "its falling entropy ended the thinking",
        ThinkingEnd.Eat => "settled probes ended the thinking",
        ThinkingEnd.Deer => "a confident probe ended the thinking",
        ThinkingEnd.Switches => "the number of switches ended the thinking",
        _ => run.ThinkingTokens > 0 ? "the thinking did not end" : "no thinking",
    };

    private static string EndOf(GenerationRun run) => run.End switch
    {
        RunEnd.Length => " · cut off at the limit of tokens",
        RunEnd.ColdStop => " · the cold stop ended the answer",
        RunEnd.LowConfidence => " · its low confidence ended the sample",
        RunEnd.Cancelled => " · interrupted",
        RunEnd.Error => " · failed",
        _ => "",
    };

    /// <summary>Styled text without the word wrap of the console's text: a token is not a paragraph.</summary>
    private sealed class Verbatim(string text, Style style) : IRenderable
    {
        public Measurement Measure(RenderOptions options, int maxWidth) => new(0, maxWidth);

        public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) => [new Segment(text, style)];
    }
}
