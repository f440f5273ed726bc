using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>Reads tekken.json, the format of Mistral AI: special tokens have the first ids, then come byte strings in the order of
/// their ranks. Any two adjacent ones merge whose concatenation is in the vocabulary, the one of the lowest rank first.</summary>
internal static class TekkenFile
{
    public const string FileName = "tekken.json";

    private const string Begin = "<s>", End = "</s>";

    /// <summary>The special tokens of files that list none.</summary>
    private static readonly string[] UnlistedTokens =
    [
        "<unk>", Begin, End, "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
        "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]", "[SYSTEM_PROMPT]",
        "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]",
    ];

    /// <exception cref="ModelFileException">The file does not exist or is broken.</exception>
    public static TokenizerDefinition Read(string directory)
    {
        string path = Path.Combine(directory, FileName);
        var json = new TokenizerJson(path);
        try
        {
            using JsonDocument document = JsonText.ParseFile(path);
            return Read(document.RootElement, json);
        }
        catch (InvalidOperationException error)
        {
            throw json.InvalidUnicode(error);
        }
    }

    private static TokenizerDefinition Read(JsonElement root, TokenizerJson json)
    {
        JsonElement config = json.Member(root, "the file", "config", JsonValueKind.Object);
        int size = json.Count(config, "config", "default_vocab_size"), special = json.Count(config, "config", "default_num_special_tokens");
        if (size < special)
            throw json.Invalid($"'default_vocab_size' {size} is less than the {special} special tokens");
        List<AddedToken> added = ReadSpecialTokens(root, special, json);
        Dictionary<string, int> vocabulary = ReadVocabulary(root, special, size - special, json);
        int begin = added.Find(token => token.Content == Begin)?.Id ?? throw json.Invalid($"there is no special token {Begin}");
        return new TokenizerDefinition
        {
            Vocabulary = vocabulary,
            Merges = FindMerges(vocabulary),
            IgnoreMerges = true,
            AddedTokens = added,
            Normalizer = new TextNormalizer([]),
            Decoder = new TokenDecoder { ByteLevel = true },
            Stages = [new SplitStage { Pattern = ReadPattern(config, json) }, SplitStage.ByteLevel(addPrefixSpace: false, splits: false)],
            EndToken = End,
            Template = ([begin], []),
        };
    }

    private static SplitPattern ReadPattern(JsonElement config, TokenizerJson json)
    {
        string source = json.Text(config, "config", "pattern");
        try
        {
            return new SplitPattern(source);
        }
        catch (FormatException error)
        {
            throw json.Invalid($"the pattern {HostileText.Quote(source)} is not supported: {error.Message}", error);
        }
    }

    private static List<AddedToken> ReadSpecialTokens(JsonElement root, int count, TokenizerJson json)
    {
        List<AddedToken> tokens = [];
        if (json.Has(root, "the file", "special_tokens", out _))
        {
            foreach (JsonElement entry in json.Member(root, "the file", "special_tokens", JsonValueKind.Array).EnumerateArray())
            {
                const string Where = "an entry of special_tokens";
                RequireRank(entry, Where, tokens.Count, json);
                Add(json.Text(entry, Where, "token_str"), json.Flag(entry, Where, "is_control", absent: true));
            }
        }
        else
        {
            foreach (string content in UnlistedTokens)
                Add(content, isControl: true);
        }
        if (tokens.Count > count)
            throw json.Invalid($"there are {tokens.Count} special tokens where 'default_num_special_tokens' is {count}");
        while (tokens.Count < count)
            Add($"<SPECIAL_{tokens.Count}>", isControl: true);
        if (tokens.DistinctBy(token => token.Content).Count() < tokens.Count)
            throw json.Invalid("two special tokens have the same text");
        return tokens;

        void Add(string content, bool isControl)
        {
            if (content.Length == 0)
                throw json.Invalid($"the special token {tokens.Count} has no text");
            tokens.Add(new AddedToken(tokens.Count, content, isControl, false, false, false, false));
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement root, int firstId, int count, TokenizerJson json)
    {
        JsonElement entries = json.Member(root, "the file", "vocab", JsonValueKind.Array);
        if (entries.GetArrayLength() < count)
            throw json.Invalid($"'vocab' has {entries.GetArrayLength()} tokens where {count} are due");
        var vocabulary = new Dictionary<string, int>(count);
        foreach (JsonElement entry in entries.EnumerateArray().Take(count))
        {
            int rank = vocabulary.Count;
            string where = $"token {rank} of vocab";
            RequireRank(entry, where, rank, json);
            if (!json.Member(entry, where, "token_bytes", JsonValueKind.String).TryGetBytesFromBase64(out byte[]? bytes) || bytes.Length == 0)
                throw json.Invalid($"'token_bytes' of {where} is not Base64 of at least one byte");
            if (rank < 256 && !bytes.SequenceEqual([(byte)rank]))
                throw json.Invalid($"{where} is not the byte {rank}");
            if (!vocabulary.TryAdd(string.Concat(bytes.Select(ByteAlphabet.ToCharacter)), firstId + rank))
                throw json.Invalid($"{where} repeats an earlier one");
        }
        return vocabulary;
    }

    private static void RequireRank(JsonElement entry, string where, int rank, TokenizerJson json)
    {
        if (json.Count(entry, where, "rank") is int found && found != rank)
            throw json.Invalid($"'rank' of {where} is {found} where {rank} is due");
    }

    private static Dictionary<ulong, Merge> FindMerges(Dictionary<string, int> vocabulary)
    {
        var merges = new Dictionary<ulong, Merge>(2 * vocabulary.Count);
        Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> parts = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        foreach ((string token, int id) in vocabulary)
        {
            for (int cut = 1; cut < token.Length; cut++)
            {
                if (parts.TryGetValue(token.AsSpan(0, cut), out int left) && parts.TryGetValue(token.AsSpan(cut), out int right))
                    merges[BytePairModel.Pair(left, right)] = new Merge(Rank: id, id);
            }
        }
        return merges;
    }
}
