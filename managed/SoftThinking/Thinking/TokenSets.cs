using System.Text;
using SoftThinking.Tokenization;

namespace SoftThinking.Thinking;

/// <summary>Ids of a vocabulary that strategies and early exits look for.</summary>
internal sealed class TokenSets(Tokenizer tokenizer)
{
    /// <summary>Texts of hesitation: the tokens that a probe takes the place of.</summary>
    public static readonly string[] WaitSpellings = ["Wait", " Wait", "wait", " wait", "WAIT", " WAIT"];

    private readonly Lazy<int[]> _emptyLines = new(() => [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(id => tokenizer.TokenBytes(id).IndexOf("\n\n"u8) >= 0)]);
    private readonly Lazy<int[]> _waits = new(() => [.. WaitSpellings.Select(spelling => SingleOf(tokenizer, spelling)).OfType<int>()]);
    private readonly Lazy<int?> _backslashN = new(() => SingleOf(tokenizer, "\\n"));

    public Tokenizer Tokenizer { get; } = tokenizer;

    /// <summary>Ids whose text contains an empty line, ascending.</summary>
    public int[] EmptyLines => _emptyLines.Value;

    /// <summary>Ids of <see cref="WaitSpellings"/>, as far as each is one token.</summary>
    public int[] Waits => _waits.Value;

    /// <summary>Id of the two characters backslash and n; null if they are not one token.</summary>
    public int? BackslashN => _backslashN.Value;

    private static int? SingleOf(Tokenizer tokenizer, string text) =>
        tokenizer.EncodeContinuation(text) is [int id] && tokenizer.TokenBytes(id).SequenceEqual(Encoding.UTF8.GetBytes(text)) ? id : null;
}
