using System.Text;
using SoftThinking.Evaluation.Reporting.Writing;
using SoftThinking.Evaluation.Results;
using SoftThinking.Evaluation.Statistics;

namespace SoftThinking.Evaluation.Reporting;

/// <summary>Sample transcripts: thought and answer of one sample per setting, the mixtures tinted by their entropy.</summary>
internal static class Transcripts
{
    /// <summary>Entropy in nats at which the tint is strongest.</summary>
    public const double FullTint = 2;

    private const int Items = 12, ItemsWithoutTrace = 3, FirstTokens = 1500, LastTokens = 500, Characters = 8000, Entries = 8;

    /// <summary>The items that were traced; some of those on which settings differ where none was.</summary>
    public static IReadOnlyList<ItemAcross> Choose(IReadOnlyList<ItemAcross> items)
    {
        ItemAcross[] traced = [.. items.Where(i => i.Traced).Take(Items)];
        return traced.Length > 0 ? traced : [.. ItemAcross.Differing(items).Take(ItemsWithoutTrace)];
    }

    public static void Write(HtmlWriter html, IReadOnlyList<ItemAcross> items, IReadOnlyList<string> settings)
    {
        for (int i = 0; i < items.Count; i++)
        {
            html.Open("details", ("class", "item"), ("open", i == 0 ? "open" : null)).Open("summary")
                .Element("b", $"Item {Numbers.Index(items[i].Index)}").Text(" " + SafeText.Shorten(items[i].Question, 140)).Close("summary").Line();
            html.Element("p", items[i].Question, ("class", "question"));
            if (items[i].Reference.Length > 0)
                html.Open("p", ("class", "note")).Text("Reference: ").Element("bdi", items[i].Reference).Close("p");
            for (int setting = 0; setting < settings.Count; setting++)
                if (items[i].Items[setting] is { } item)
                    WriteSample(html, Choose(item), settings[setting], setting);
            html.Close("details").Line();
        }
    }

    private static SampleResult Choose(ItemSummary item) =>
        item.Samples.FirstOrDefault(s => s.Trace is { Count: > 0 }) ?? item.Samples[0];

    private static void WriteSample(HtmlWriter html, SampleResult sample, string setting, int number)
    {
        html.Open("article").Open("h4").Open("span");
        HtmlTable.Sign(html, number);
        html.Text(setting).Close("span").Element("span", Standing(sample), ("class", sample.Correct ? "verdict right" : "verdict"))
            .Element("small", Facts(sample)).Close("h4").Line();
        if (sample.Trace is { Count: > 0 } trace)
            WriteTrace(html, sample, trace);
        else
            WriteText(html, sample);
        if (sample.Error is { } error)
            html.Open("p", ("class", "note")).Text("Error: ").Element("bdi", SafeText.Shorten(error, 400)).Close("p");
        html.Close("article").Line();
    }

    private static void WriteTrace(HtmlWriter html, SampleResult sample, IReadOnlyList<TracedToken> trace)
    {
        TracedToken[] thought = [.. trace.Where(t => t.Thinking)];
        TracedToken[] answer = [.. trace.Where(t => !t.Thinking)];
        if (thought.Length > 0)
        {
            html.Open("div", ("class", "thought"));
            WriteTokens(html, thought);
            html.Close("div");
        }
        WriteEnd(html, sample);
        html.Open("div", ("class", "answer"));
        WriteTokens(html, answer);
        html.Close("div").Line();
    }

    private static void WriteText(HtmlWriter html, SampleResult sample)
    {
        if (sample.Thinking.Length > 0)
            html.Element("div", Middle(sample.Thinking), ("class", "thought"));
        WriteEnd(html, sample);
        html.Element("div", Middle(sample.Answer), ("class", "answer")).Line();
    }

    private static void WriteEnd(HtmlWriter html, SampleResult sample)
    {
        string? end = sample.ThinkingEnd switch
        {
            "cold_stop" => "cold stop",
            "budget" => "budget of the thought used up",
            "cusum" => "ended by falling entropy",
            "eat" => "ended by settled probes",
            "deer" => "ended by a confident probe",
            "switches" => "ended by the number of switches",
            "model" => "end of the thought",
            _ => sample.ThinkingTokens > 0 ? "the thought never ended" : null,
        };
        if (end is not null)
            html.Element("p", end, ("class", sample.ThinkingEnd == "cold_stop" ? "end cold" : "end"));
    }

    private static void WriteTokens(HtmlWriter html, TracedToken[] tokens)
    {
        int left = tokens.Length - FirstTokens - LastTokens;
        WriteTokens(html, left > 0 ? tokens.AsSpan(0, FirstTokens) : tokens);
        if (left <= 0)
            return;
        html.Element("p", $"{Numbers.Count(left, "token")} left out", ("class", "end"));
        WriteTokens(html, tokens.AsSpan(tokens.Length - LastTokens));
    }

    private static void WriteTokens(HtmlWriter html, ReadOnlySpan<TracedToken> tokens)
    {
        StringBuilder plain = new();
        foreach (TracedToken token in tokens)
        {
            if (token.Entries.Count == 0)
            {
                plain.Append(token.Text);
                continue;
            }
            html.Text(plain.ToString());
            plain.Clear();
            double tint = float.IsFinite(token.Entropy) ? Math.Clamp(token.Entropy / FullTint, 0, 1) : 0;
            html.Element("span", token.Text.Length == 0 ? "·" : token.Text.Replace("\n", "↵\n", StringComparison.Ordinal),
                ("class", "mix"), ("style", "--e:" + Numbers.Css(tint)), ("data-mix", Mixture(token)));
        }
        html.Text(plain.ToString());
    }

    /// <summary>The heaviest entries with their weights, a line for each.</summary>
    private static string Mixture(TracedToken token)
    {
        StringBuilder text = new();
        foreach (TracedEntry entry in token.Entries.Take(Entries))
        {
            string shown = SafeText.Shorten(entry.Text.Replace("\n", "↵", StringComparison.Ordinal).Replace(' ', '␣'), 24);
            text.Append(Numbers.Percent(entry.Weight)).Append('\u2002').Append(shown.Length == 0 ? $"#{entry.Id}" : shown).Append('\n');
        }
        if (token.Entries.Count > Entries)
            text.Append('+').Append(Numbers.Count(token.Entries.Count - Entries)).Append(" more\n");
        return text.Append("entropy ").Append(Numbers.Plain(token.Entropy)).Append(" nats").ToString();
    }

    private static string Standing(SampleResult sample)
    {
        if (sample.Correct)
            return sample.Verdict.Outcome == Outcome.Correct ? "correct" : "correct by a language model";
        return (sample.ModelVerdict?.Outcome == Outcome.Undecided ? Outcome.Undecided : sample.Verdict.Outcome) switch
        {
            Outcome.NoAnswer => "no answer",
            Outcome.Undecided => "undecided",
            _ => "wrong",
        };
    }

    private static string Facts(SampleResult sample)
    {
        string answer = sample.Verdict.Answer is { } text ? $"answer {SafeText.Shorten(text, 60)}, " : "";
        string mixtures = sample.Mixtures is > 0 and var count ? $", {Numbers.Count(count, "mixture")}" : "";
        return $"{answer}rule {sample.Verdict.Rule}, " +
            $"{Numbers.Count(sample.ThinkingTokens)} + {Numbers.Count(sample.AnswerTokens)} tokens{mixtures}";
    }

    private static string Middle(string text)
    {
        if (text.Length <= Characters)
            return text;
        int left = text.Length - Characters;
        return $"{text[..(Characters / 2)]}\n[{Numbers.Count(left, "character")} left out]\n{text[^(Characters / 2)..]}";
    }
}
