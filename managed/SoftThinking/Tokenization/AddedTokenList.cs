using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>The added tokens of a tokenizer: those of tokenizer.json, changed and extended by the other tokenizer files, as in
/// Hugging Face transformers. There an id follows from the order in which tokens are added, and an id in a file is
/// ignored; a file that assigns another id to a new token is refused here, because programs differ on its meaning.</summary>
internal sealed class AddedTokenList(Dictionary<string, int> vocabulary)
{
    private readonly List<AddedToken> _tokens = [];
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);
    private int _largestId = -1;

    public IReadOnlyList<AddedToken> Tokens => _tokens;

    /// <summary>The token with this content; null if there is none.</summary>
    public AddedToken? Find(string content) => _places.TryGetValue(content, out int place) ? _tokens[place] : null;

    /// <summary>The id that a token with this content has or would be assigned.</summary>
    public int IdOf(string content) => Find(content)?.Id
        ?? (vocabulary.TryGetValue(content, out int known) ? known : Math.Max(vocabulary.Count, _largestId + 1));

    /// <summary>Adds a token, or replaces the one with the same content.</summary>
    public void Set(AddedToken token)
    {
        if (_places.TryGetValue(token.Content, out int place))
        {
            _tokens[place] = token;
            return;
        }
        _places.Add(token.Content, _tokens.Count);
        _tokens.Add(token);
        _largestId = Math.Max(_largestId, token.Id);
    }

    /// <summary>Applies the changes of the other tokenizer files.</summary>
    /// <exception cref="ModelFileException">A new token has another id than it would be assigned.</exception>
    public void Apply(TokenizerSettings settings, TokenizerJson json)
    {
        HashSet<string> special = [.. settings.Special.Select(token => token.Content)];
        foreach ((int id, ConfiguredToken token) in settings.AddedTokens)
        {
            AddedToken? known = Find(token.Content);
            // Without the list of tokenizer_config.json, tokenizer.json overrides the other files.
            if (known != null && !settings.HasDecoder)
                continue;
            int due = IdOf(token.Content);
            if (id != due && known == null)
            {
                throw json.Invalid($"{(settings.HasDecoder ? TokenizerSettings.ConfigFile : "added_tokens.json")} adds the token "
                    + $"{HostileText.Quote(token.Content)} with the id {id} where {due} is due");
            }
            if (token.Content.Length > 0)
                Set(Make(due, token, special.Contains(token.Content)));
        }
        MarkSpecial(settings, special);
        foreach (ConfiguredToken token in settings.Special)
        {
            if (Find(token.Content) == null && token.Content.Length > 0)
                Set(Make(IdOf(token.Content), token, isSpecial: true));
        }
    }

    // Only the tokens that transformers adds again: those of tokenizer_config.json's list, or else all.
    private void MarkSpecial(TokenizerSettings settings, HashSet<string> special)
    {
        if (settings.HasDecoder)
            return;
        for (int i = 0; i < _tokens.Count; i++)
        {
            if (special.Contains(_tokens[i].Content))
                _tokens[i] = _tokens[i] with { IsSpecial = true };
        }
    }

    private static AddedToken Make(int id, ConfiguredToken token, bool isSpecial)
    {
        isSpecial |= token.IsSpecial ?? false;
        return new AddedToken(
            id,
            token.Content,
            isSpecial,
            token.IsNormalized ?? !isSpecial,
            token.IsSingleWord ?? false,
            token.StripsLeft ?? false,
            token.StripsRight ?? false);
    }
}
