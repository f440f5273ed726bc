using System.Globalization;
using SoftThinking.Tokenization;

namespace SoftThinking.Cli;

/// <summary>Shows a thought token by token, with the entropy and the mixture of each.</summary>
internal static class ThoughtTable
{
    private const int Shown = 5; // entries of a mixture

    public static void Write(TextWriter output, Tokenizer tokenizer, IEnumerable<GeneratedToken> thought)
    {
        output.WriteLine("    #  entropy  token         mixture");
        int index = 0;
        foreach (GeneratedToken generated in thought)
        {
            string token = TokenText.Visible(tokenizer, generated.Token.Token);
            string row = string.Create(CultureInfo.InvariantCulture,
                $"{index++,5}  {generated.Entropy,7:0.000}  {token,-12}  {MixtureOf(generated.Token, tokenizer)}");
            output.WriteLine(row.TrimEnd());
        }
    }

    private static string MixtureOf(ConceptToken token, Tokenizer tokenizer)
    {
        if (token.Count == 1)
            return "";
        string entries = string.Join(", ", token.Entries.Take(Shown).Select(entry =>
            string.Create(CultureInfo.InvariantCulture, $"{TokenText.Visible(tokenizer, entry.Id)} {100 * entry.Weight:0.0} %")));
        return token.Count > Shown ? $"{entries} and {token.Count - Shown} more" : entries;
    }
}
