namespace SoftThinking.Tests;

/// <summary>The replies of a <see cref="ScriptedModel"/> as a table: which token follows which. Where a token occurs several times, the
/// one before it decides; where that does, too, a special token that is unique, and has no text, is put between.</summary>
internal sealed class ScriptedChain
{
    private const string Filler = "<|filler ", ThinkEnd = "</think>";

    private readonly Dictionary<string, int> _occurrences;
    private int _fillers;

    public ScriptedChain(IReadOnlyList<ScriptedReply> replies, string end)
    {
        if (replies.Select(reply => reply.Trigger).Distinct().Count() < replies.Count)
            throw new ArgumentException("two replies have the same trigger");
        _occurrences = replies.SelectMany(reply => reply.Pieces.Prepend(reply.Trigger)).CountBy(token => token).ToDictionary();
        string[][] sequences = [.. replies.Select(reply => WithFillers([reply.Trigger, .. reply.Pieces, end]))];
        Tokens = [.. sequences.SelectMany(tokens => tokens).Distinct()];
        foreach (string[] tokens in sequences)
            Follow([.. tokens.Select(token => Tokens.IndexOf(token))]);
        Follow([Other, .. sequences[0][1..].Select(token => Tokens.IndexOf(token))]);
    }

    /// <summary>Stands for all tokens that are not in <see cref="Tokens"/>.</summary>
    public const int Other = -1;

    /// <summary>All tokens of replies, triggers included. Others are numbers in this list.</summary>
    public List<string> Tokens { get; }

    /// <summary>How much a token speaks for one that follows it (distance 1), or follows the one after it (distance 2).</summary>
    public Dictionary<(int From, int To, int Distance), float> Links { get; } = [];

    public static bool IsFiller(string token) => token.StartsWith(Filler, StringComparison.Ordinal);

    private string[] WithFillers(string[] tokens)
    {
        List<string> all = [tokens[0]];
        for (int i = 1; i < tokens.Length; i++)
        {
            if (Repeats(tokens[i]) && Repeats(tokens[i - 1]))
                all.Add($"{Filler}{_fillers++}|>");
            all.Add(tokens[i]);
        }
        return [.. all];
    }

    private bool Repeats(string token) => _occurrences.GetValueOrDefault(token) > 1;

    private void Follow(int[] tokens)
    {
        int thinkEnd = Array.IndexOf(tokens, Tokens.IndexOf(ThinkEnd), 1);
        for (int i = 0; i + 1 < tokens.Length; i++)
        {
            Link(tokens[i], tokens[i + 1], 1, 2);
            if (tokens[i] >= 0 && Repeats(Tokens[tokens[i]]))
                continue;
            if (i + 2 < tokens.Length)
                Link(tokens[i], tokens[i + 2], 2, 1);
            if (i + 1 < thinkEnd)
                Link(tokens[i], tokens[thinkEnd + 1], 2, 0.5f); // where the engine ends the thought early
        }
    }

    private void Link(int from, int to, int distance, float weight) =>
        Links[(from, to, distance)] = Math.Max(weight, Links.GetValueOrDefault((from, to, distance)));
}
