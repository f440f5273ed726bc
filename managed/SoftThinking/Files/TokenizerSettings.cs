using System.Globalization;
using System.Text.Json;

namespace SoftThinking.Files;

/// <summary>What the files next to tokenizer.json specify about a tokenizer and its chat template, read as Hugging Face
/// transformers reads them. tokenizer_config.json is the main one. Where it has no "added_tokens_decoder" (files of before
/// 2023), special_tokens_map.json overrides its special tokens, and added_tokens.json adds tokens; otherwise the two files
/// are copies that older readers need, and are ignored.</summary>
internal sealed class TokenizerSettings
{
    public const string ConfigFile = "tokenizer_config.json";

    private const string SpecialTokensFile = "special_tokens_map.json", AddedTokensFile = "added_tokens.json";
    private const string Decoder = "added_tokens_decoder", NameEnd = "_token";

    /// <summary>Special tokens that transformers knows by name.</summary>
    private static readonly string[] SpecialNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    /// <summary>Lists of further special tokens: the name of transformers 4 and that of 5.</summary>
    private static readonly string[] ListNames = ["additional_special_tokens", "extra_special_tokens"];

    private readonly Dictionary<string, ConfiguredToken> _named = new(StringComparer.Ordinal);
    private readonly List<ConfiguredToken> _special = [];

    private TokenizerSettings(string directory)
    {
        Config = JsonSettings.LoadIfExists(Path.Combine(directory, ConfigFile));
        if (Config != null)
            ReadSpecialTokens(Config);
        if (Config?.OptionalObject(Decoder) is JsonSettings decoder)
        {
            AddedTokens = ReadDecoder(decoder);
            HasDecoder = true;
        }
        else
        {
            if (JsonSettings.LoadIfExists(Path.Combine(directory, SpecialTokensFile)) is JsonSettings map)
                ReadSpecialTokens(map);
            AddedTokens = JsonSettings.LoadIfExists(Path.Combine(directory, AddedTokensFile)) is JsonSettings added
                ? ReadAddedTokens(added)
                : [];
        }
        _special.AddRange(SpecialNames.Where(_named.ContainsKey).Select(name => _named[name]));
    }

    /// <summary>tokenizer_config.json; null where there is none.</summary>
    public JsonSettings? Config { get; }

    /// <summary>The tokens whose key ends in "_token", such as "bos_token".</summary>
    public IReadOnlyDictionary<string, ConfiguredToken> Named => _named;

    /// <summary>All special tokens, those of lists included.</summary>
    public IReadOnlyList<ConfiguredToken> Special => _special;

    /// <summary>Added tokens with their ids, ascending.</summary>
    public IReadOnlyList<(int Id, ConfiguredToken Token)> AddedTokens { get; }

    /// <summary>Whether <see cref="AddedTokens"/> comes from tokenizer_config.json, whose flags override those of
    /// tokenizer.json.</summary>
    public bool HasDecoder { get; }

    public static TokenizerSettings Read(string directory) => new(directory);

    private static (int, ConfiguredToken)[] ReadDecoder(JsonSettings decoder)
    {
        List<(int Id, ConfiguredToken)> tokens = [];
        foreach (JsonProperty entry in decoder.Entries)
        {
            if (!int.TryParse(entry.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
                throw decoder.Refuse(HostileText.Quote(entry.Name), "is not a token id");
            tokens.Add((id, ConfiguredToken.Read(decoder.Object(entry))));
        }
        return [.. tokens.OrderBy(token => token.Id)];
    }

    private (int, ConfiguredToken)[] ReadAddedTokens(JsonSettings added)
    {
        HashSet<string> special = [.. _named.Where(named => SpecialNames.Contains(named.Key)).Select(named => named.Value.Content)];
        special.UnionWith(_special.Select(token => token.Content));
        return
        [
            .. added.Entries
                .Select(entry => (Id: added.ReadInteger(HostileText.Quote(entry.Name), entry.Value, 0, int.MaxValue),
                    Token: new ConfiguredToken(entry.Name, special.Contains(entry.Name), !special.Contains(entry.Name))))
                .OrderBy(token => token.Id),
        ];
    }

    private void ReadSpecialTokens(JsonSettings json)
    {
        foreach (JsonProperty entry in json.Entries)
        {
            if (ListNames.Contains(entry.Name))
                ReadList(json, entry);
            else if (entry.Name.EndsWith(NameEnd, StringComparison.Ordinal) && ReadToken(json, entry.Name, entry.Value) is { } token)
                _named[entry.Name] = token;
        }
    }

    // A list of tokens, or an object of named ones, which templates know by these names.
    private void ReadList(JsonSettings json, JsonProperty entry)
    {
        switch (entry.Value.ValueKind)
        {
            case JsonValueKind.Null:
                return;
            case JsonValueKind.Array:
                foreach (JsonElement value in entry.Value.EnumerateArray())
                    AddSpecial(ReadToken(json, entry.Name, value) ?? throw json.Refuse(entry.Name, "has an entry that is not a token"));
                return;
            default:
                JsonSettings inner = json.Object(entry.Name, entry.Value);
                foreach (JsonProperty named in inner.Entries)
                {
                    ConfiguredToken token = ReadToken(inner, named.Name, named.Value)
                        ?? throw inner.Refuse(HostileText.Quote(named.Name), "is not a token");
                    _named[named.Name] = token;
                    AddSpecial(token);
                }
                return;
        }
    }

    private void AddSpecial(ConfiguredToken token)
    {
        if (!_special.Exists(known => known.Content == token.Content))
            _special.Add(token);
    }

    /// <summary>A token: a string, or an object that holds it as "content"; null for anything else, for example the flag
    /// "add_bos_token".</summary>
    private static ConfiguredToken? ReadToken(JsonSettings json, string name, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => new ConfiguredToken(json.ReadText(name, value)),
        JsonValueKind.Object when value.TryGetProperty("content", out _) => ConfiguredToken.Read(json.Object(name, value)),
        _ => null,
    };
}
