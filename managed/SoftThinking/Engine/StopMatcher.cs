using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Finds stop strings in the text of a sample, on the engine's thread: a sample ends at its stop however slowly it is
/// read.</summary>
internal sealed class StopMatcher
{
    private readonly StreamingDecoder _decoder;
    private readonly IReadOnlyList<string> _stops;
    private readonly bool _inThinking;
    private readonly int _minTokens;
    private readonly int _longest;
    private string _tail = ""; // of the text so far: as much as a stop string can begin in
    private int _tokens;

    /// <param name="startsText">Whether the sample is a text of its own, as <see cref="EncodedPrompt.StartsText"/> says.</param>
    public StopMatcher(Tokenizer tokenizer, GenerationRequest request, bool startsText)
    {
        _decoder = new StreamingDecoder(tokenizer, skipSpecialTokens: true, startsText);
        (_stops, _inThinking, _minTokens) = (request.StopStrings, request.StopInThinking, request.MinNewTokens);
        _longest = _stops.Max(stop => stop.Length);
    }

    /// <summary>Adds a token; the stop string that it completes, the one that begins first, or null.</summary>
    public string? Append(int token, bool thinking)
    {
        string text = _decoder.Append(token);
        _tokens++;
        if (thinking && !_inThinking)
            return null;
        string searched = _tail + text;
        string? found = _tokens > _minTokens ? FirstIn(searched, _tail.Length) : null;
        _tail = searched[Math.Max(0, searched.Length - (_longest - 1))..];
        return found;
    }

    // Stops within the old text were found, or did not count, before.
    private string? FirstIn(string text, int oldLength)
    {
        (int First, string? Stop) found = (int.MaxValue, null);
        foreach (string stop in _stops)
        {
            int from = Math.Max(0, oldLength - stop.Length + 1);
            int first = text.IndexOf(stop, from, StringComparison.Ordinal);
            if (first >= 0 && first < found.First)
                found = (first, stop);
        }
        return found.Stop;
    }
}
