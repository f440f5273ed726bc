using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>Reads tokenizer.json and the other tokenizer files, and refuses features that this tokenizer does not support.</summary>
internal static class TokenizerFile
{
    private const string FileName = "tokenizer.json";

    /// <summary>Reads the tokenizer of a checkpoint; tekken.json counts only where there is no tokenizer.json.</summary>
    /// <exception cref="ModelFileException">tokenizer.json does not exist; or a file is broken, or describes another kind of
    /// tokenizer.</exception>
    public static TokenizerDefinition Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        if (!Path.Exists(path) && File.Exists(Path.Combine(directory, TekkenFile.FileName)))
            return TekkenFile.Read(directory);
        var json = new TokenizerJson(path);
        try
        {
            using JsonDocument document = JsonText.ParseFile(path);
            return Read(document.RootElement, json, TokenizerSettings.Read(directory));
        }
        catch (InvalidOperationException error)
        {
            // The types of values are checked; the remaining cause is a string that has no UTF-16 form.
            throw json.InvalidUnicode(error);
        }
    }

    private static TokenizerDefinition Read(JsonElement root, TokenizerJson json, TokenizerSettings settings)
    {
        if (json.Has(root, "the file", "version", out _) && json.Text(root, "the file", "version") is var version
            && version != "1.0")
            throw json.Invalid($"version {HostileText.Quote(version)} is not supported, only 1.0");
        var components = new TokenizerComponents(json);
        JsonElement model = json.Member(root, "the file", "model", JsonValueKind.Object);
        RequireSupportedModel(model, json);
        Dictionary<string, int> vocabulary = ReadVocabulary(model, json);
        List<SplitStage> stages = components.ReadPreTokenizer(root, settings.Config?.OptionalFlag("add_prefix_space"), out bool byteLevel);
        if (byteLevel)
            RequireBytes(model, vocabulary, json);
        AddedTokenList added = ReadAddedTokens(root, vocabulary, json);
        added.Apply(settings, json);
        if (settings.Config?.OptionalFlag("split_special_tokens") == true)
            throw settings.Config.Refuse("split_special_tokens", "is true; a tokenizer that recognizes no special tokens is not supported");
        RequireDistinctIds(added.Tokens, vocabulary, json);
        HashSet<int> ids = [.. vocabulary.Values, .. added.Tokens.Select(token => token.Id)];
        return new TokenizerDefinition
        {
            Vocabulary = vocabulary,
            Merges = ReadMerges(model, vocabulary, json),
            IgnoreMerges = json.Flag(model, "model", "ignore_merges", absent: false),
            AddedTokens = added.Tokens,
            Characters = byteLevel ? null : ReadCharacters(model, vocabulary, json),
            Normalizer = components.ReadNormalizer(root),
            Decoder = components.ReadDecoder(root, byteLevel),
            Stages = stages,
            EndToken = settings.Named.GetValueOrDefault("eos_token")?.Content,
            Template = TextEnds.Find(settings, token => added.Find(token)?.Id ?? (vocabulary.TryGetValue(token, out int id) ? id : null))
                ?? components.ReadPostProcessor(root, ids),
        };
    }

    private static void RequireSupportedModel(JsonElement model, TokenizerJson json)
    {
        if (json.Has(model, "model", "type", out _) && json.Text(model, "model", "type") is var type && type != "BPE")
            throw json.Invalid($"a model of the type {HostileText.Quote(type)} is not supported, only BPE");
        if (json.Has(model, "model", "dropout", out JsonElement dropout)
            && !(dropout.ValueKind == JsonValueKind.Number && dropout.TryGetDouble(out double share) && share == 0))
            throw json.Invalid($"dropout {JsonText.Show(dropout)} is not supported: the same text would have different ids each time");
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (json.Has(model, "model", affix, out _) && json.Text(model, "model", affix).Length > 0)
                throw json.Invalid($"a {affix} is not supported");
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement model, TokenizerJson json)
    {
        JsonElement entries = json.Member(model, "model", "vocab", JsonValueKind.Object);
        var vocabulary = new Dictionary<string, int>(entries.GetPropertyCount());
        var tokens = new Dictionary<int, string>(entries.GetPropertyCount());
        foreach (JsonProperty entry in entries.EnumerateObject())
        {
            int id = json.Id(entry.Value, $"the token {HostileText.Quote(entry.Name)}");
            if (!vocabulary.TryAdd(entry.Name, id))
                throw json.Invalid($"the vocabulary has the token {HostileText.Quote(entry.Name)} twice");
            if (!tokens.TryAdd(id, entry.Name))
                throw json.Invalid($"the tokens {HostileText.Quote(tokens[id])} and {HostileText.Quote(entry.Name)} have the same id {id}");
        }
        return vocabulary;
    }

    private static CharacterUnits ReadCharacters(JsonElement model, Dictionary<string, int> vocabulary, TokenizerJson json)
    {
        int? unknown = null;
        if (json.Has(model, "model", "unk_token", out _))
        {
            string token = json.Text(model, "model", "unk_token");
            unknown = vocabulary.TryGetValue(token, out int id)
                ? id
                : throw json.Invalid($"the unk_token {HostileText.Quote(token)} is not in the vocabulary");
        }
        return new CharacterUnits(
            vocabulary,
            json.Flag(model, "model", "byte_fallback", absent: false),
            unknown,
            json.Flag(model, "model", "fuse_unk", absent: false));
    }

    // Over bytes, fallback and an unknown token are used only if a byte is missing from the vocabulary.
    private static void RequireBytes(JsonElement model, Dictionary<string, int> vocabulary, TokenizerJson json)
    {
        if (json.Flag(model, "model", "byte_fallback", absent: false))
            throw json.Invalid("byte_fallback together with a ByteLevel pre-tokenizer is not supported");
        if (!json.Has(model, "model", "unk_token", out _))
            return;
        for (int value = 0; value < 256; value++)
        {
            if (!vocabulary.ContainsKey(ByteAlphabet.ToCharacter((byte)value).ToString()))
                throw json.Invalid($"an unk_token is not supported where bytes have no token (0x{value:X2} has none)");
        }
    }

    private static Dictionary<ulong, Merge> ReadMerges(
        JsonElement model, Dictionary<string, int> vocabulary, TokenizerJson json)
    {
        JsonElement entries = json.Member(model, "model", "merges", JsonValueKind.Array);
        var merges = new Dictionary<ulong, Merge>(entries.GetArrayLength());
        int rank = 0;
        foreach (JsonElement entry in entries.EnumerateArray())
        {
            if (entry.ValueKind == JsonValueKind.String
                && entry.GetString()!.StartsWith("#version", StringComparison.Ordinal))
                continue;
            (string left, string right) = ReadPair(entry, rank, json);
            int leftId = TokenOf(left);
            int rightId = TokenOf(right);
            // Of duplicate pairs, the later one wins.
            merges[BytePairModel.Pair(leftId, rightId)] = new Merge(rank, TokenOf(left + right));
            rank++;
        }
        return merges;

        int TokenOf(string token) => vocabulary.TryGetValue(token, out int id)
            ? id
            : throw json.Invalid($"merge {rank} names {HostileText.Quote(token)}, which is not in the vocabulary");
    }

    private static (string Left, string Right) ReadPair(JsonElement entry, int rank, TokenizerJson json)
    {
        if (entry.ValueKind == JsonValueKind.String && entry.GetString()!.Split(' ') is [var before, var after])
            return (before, after);
        if (entry.ValueKind == JsonValueKind.Array && entry.GetArrayLength() == 2
            && entry[0].ValueKind == JsonValueKind.String && entry[1].ValueKind == JsonValueKind.String)
            return (entry[0].GetString()!, entry[1].GetString()!);
        throw json.Invalid($"merge {rank} is not a pair of tokens");
    }

    private static AddedTokenList ReadAddedTokens(
        JsonElement root, Dictionary<string, int> vocabulary, TokenizerJson json)
    {
        var added = new AddedTokenList(vocabulary);
        if (!json.Has(root, "the file", "added_tokens", out _))
            return added;
        JsonElement entries = json.Member(root, "the file", "added_tokens", JsonValueKind.Array);
        foreach (JsonElement entry in entries.EnumerateArray())
        {
            AddedToken token = ReadAddedToken(entry, json);
            if (token.Content.Length == 0)
                continue; // Matches nothing, and Hugging Face drops it too.
            if (added.Find(token.Content) != null)
                throw json.Invalid($"added_tokens has {HostileText.Quote(token.Content)} twice");
            int due = added.IdOf(token.Content);
            if (token.Id != due)
                throw json.Invalid($"the added token {HostileText.Quote(token.Content)} has the id {token.Id} where {due} is due");
            added.Set(token);
        }
        return added;
    }

    private static AddedToken ReadAddedToken(JsonElement entry, TokenizerJson json)
    {
        string content = json.Text(entry, "an entry of added_tokens", "content");
        string where = $"the added token {HostileText.Quote(content)}";
        return new AddedToken(
            json.Id(json.Member(entry, where, "id", JsonValueKind.Number), where),
            content,
            IsSpecial: json.Flag(entry, where, "special"),
            IsNormalized: json.Flag(entry, where, "normalized"),
            IsSingleWord: json.Flag(entry, where, "single_word"),
            StripsLeft: json.Flag(entry, where, "lstrip"),
            StripsRight: json.Flag(entry, where, "rstrip"));
    }

    // The vocabulary may have gaps, and so an id beyond its size, which an added token must not reuse.
    private static void RequireDistinctIds(
        IReadOnlyList<AddedToken> added, Dictionary<string, int> vocabulary, TokenizerJson json)
    {
        var taken = new HashSet<int>(vocabulary.Values);
        foreach (AddedToken token in added)
        {
            if (!vocabulary.ContainsKey(token.Content) && !taken.Add(token.Id))
                throw json.Invalid($"the added token {HostileText.Quote(token.Content)} has the id {token.Id}, which another token has");
        }
    }
}
