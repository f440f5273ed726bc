using System.Globalization;

namespace SoftThinking.Evaluation.Datasets;

/// <summary>Shows the options of a multiple-choice item in another order, so that a model gains nothing by preferring a letter.</summary>
public static class OptionShuffle
{
    /// <summary>An order of letters, such as "CADB": the option C is shown first, as A.</summary>
    /// <param name="item">An item with options.</param>
    /// <param name="seed">The order depends on this and on the item's index alone.</param>
    public static string Order(BenchmarkItem item, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(item);
        char[] letters = [.. Letters(item)];
        SplitMix random = new(new SplitMix(seed).Next() + (ulong)item.Index);
        for (int i = letters.Length - 1; i > 0; i--)
        {
            int j = random.NextIndex(i + 1);
            (letters[i], letters[j]) = (letters[j], letters[i]);
        }
        return new string(letters);
    }

    /// <summary>Returns the item with its options, question and reference in an order.</summary>
    /// <exception cref="DatasetException">The question does not end with the options as "A. …" lines.</exception>
    public static BenchmarkItem Apply(BenchmarkItem item, string order)
    {
        ArgumentNullException.ThrowIfNull(item);
        ArgumentException.ThrowIfNullOrEmpty(order);
        string shown = Lines(item.Choices!);
        if (!item.Question.EndsWith(shown, StringComparison.Ordinal))
            throw new DatasetException(string.Create(CultureInfo.InvariantCulture,
                $"item {item.Index}: the question must end with its options as lines \"A. …\", or the options keep their order"));
        Dictionary<string, string> choices = order
            .Select((letter, place) => (Shown: LetterAt(place), Text: item.Choices![letter.ToString()]))
            .ToDictionary(choice => choice.Shown, choice => choice.Text);
        return item with
        {
            Choices = choices,
            Question = item.Question[..^shown.Length] + Lines(choices),
            Reference = LetterAt(order.IndexOf((string)item.Reference!, StringComparison.Ordinal)),
        };
    }

    private static string Letters(BenchmarkItem item) => string.Concat(item.Choices!.Keys.Order(StringComparer.Ordinal));

    private static string Lines(IReadOnlyDictionary<string, string> choices) =>
        string.Join('\n', choices.OrderBy(choice => choice.Key, StringComparer.Ordinal).Select(choice => $"{choice.Key}. {choice.Value}"));

    private static string LetterAt(int place) => ((char)('A' + place)).ToString();
}
