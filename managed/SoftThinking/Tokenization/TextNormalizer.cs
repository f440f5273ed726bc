namespace SoftThinking.Tokenization;

/// <summary>One step of normalizing a text before it is split into words.</summary>
internal abstract record NormalizerStep
{
    /// <summary>The normalization form NFC.</summary>
    public sealed record Compose : NormalizerStep;

    /// <summary>Puts a text before one that is not empty.</summary>
    public sealed record Prepend(string Text) : NormalizerStep;

    /// <summary>Replaces each occurrence of a UTF-16 unit by another.</summary>
    public sealed record Replace(char From, char To) : NormalizerStep;
}

/// <summary>The normalizer of a tokenizer. Thread-safe.</summary>
internal sealed class TextNormalizer(IReadOnlyList<NormalizerStep> steps)
{
    /// <summary>The steps, for display.</summary>
    public string Description => steps.Count == 0 ? "none" : string.Join(" then ", steps.Select(step => step switch
    {
        NormalizerStep.Prepend prepend => $"Prepend '{prepend.Text}'",
        NormalizerStep.Replace replace => $"Replace '{replace.From}' by '{replace.To}'",
        _ => "NFC",
    }));

    /// <param name="text">Text without lone surrogates.</param>
    /// <param name="prepends">Whether Prepend has an effect.</param>
    /// <exception cref="PlatformNotSupportedException">The text has to be composed, and this platform has no Unicode data.</exception>
    public ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text, bool prepends)
    {
        foreach (NormalizerStep step in steps)
        {
            text = step switch
            {
                NormalizerStep.Prepend prepend => prepends && text.Length > 0 ? string.Concat(prepend.Text, text) : text,
                NormalizerStep.Replace replace => Replaced(text, replace),
                _ => CanonicalComposition.Compose(text),
            };
        }
        return text;
    }

    /// <summary>Normalizes a text, and maps ranges of it to the result.</summary>
    public (string Text, (int Start, int End)[] Ranges) Normalize(
        ReadOnlySpan<char> text, (int Start, int End)[] ranges, bool prepends)
    {
        string whole = text.ToString();
        foreach (NormalizerStep step in steps)
        {
            if (step is NormalizerStep.Replace replace)
                whole = whole.Replace(replace.From, replace.To);
            else if (step is NormalizerStep.Compose)
                (whole, ranges) = LiteralRanges.Compose(whole, ranges);
            else if (step is NormalizerStep.Prepend prepend && prepends && whole.Length > 0)
            {
                whole = prepend.Text + whole;
                ranges = Array.ConvertAll(ranges, range => (range.Start + prepend.Text.Length, range.End + prepend.Text.Length));
            }
        }
        return (whole, ranges);
    }

    private static ReadOnlySpan<char> Replaced(ReadOnlySpan<char> text, NormalizerStep.Replace step)
    {
        if (!text.Contains(step.From))
            return text;
        char[] replaced = new char[text.Length];
        text.Replace(replaced, step.From, step.To);
        return replaced;
    }
}
