using System.Buffers;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The byte-level BPE tokenizer of a Hugging Face checkpoint (tokenizer.json), as used by Qwen2, Qwen2.5, Qwen3, Llama
/// 3 and their distills, with the changes of the other tokenizer files (tokenizer_config.json, special_tokens_map.json,
/// added_tokens.json). Returns the same ids and texts as Hugging Face's transformers; truncation and padding are not
/// applied. Thread-safe.</summary>
public sealed class Tokenizer
{
    private readonly TokenizerDefinition _definition;
    private readonly BytePairModel _model;
    private readonly AddedTokenMatcher _rawTokens;
    private readonly AddedTokenMatcher? _normalizedTokens;
    private readonly Dictionary<string, int> _addedIds;
    private readonly HashSet<int> _specialIds;
    private readonly byte[]?[] _tokenBytes;

    private Tokenizer(TokenizerDefinition definition)
    {
        _definition = definition;
        _model = new BytePairModel(definition.Vocabulary, definition.Merges, definition.IgnoreMerges);
        _addedIds = definition.AddedTokens.ToDictionary(token => token.Content, token => token.Id);
        _specialIds = [.. definition.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id)];
        _tokenBytes = CollectBytes();
        ILookup<bool, (string Text, AddedToken Token)> byNormalized = definition.AddedTokens
            .ToLookup(token => token.IsNormalized, token => (Text: SearchedText(token), Token: token));
        _rawTokens = new AddedTokenMatcher(byNormalized[false]);
        _normalizedTokens = byNormalized.Contains(true) ? new AddedTokenMatcher(byNormalized[true]) : null;
    }

    /// <summary>The kind of tokenizer, for display.</summary>
    internal string Kind => "byte-level BPE";

    /// <summary>Largest id plus one, added tokens included. A model's embedding may have more rows.</summary>
    public int VocabularySize => _tokenBytes.Length;

    /// <summary>Number of different pairs that merge.</summary>
    internal int MergeCount => _model.MergeCount;

    /// <summary>The token that the checkpoint's tokenizer names as the end of a text ("eos_token"); null if it names
    /// none.</summary>
    internal int? EndId => _definition.EndToken is string end ? TokenId(end) : null;

    /// <summary>The added tokens, those of tokenizer.json first.</summary>
    internal IReadOnlyList<AddedToken> AddedTokens => _definition.AddedTokens;

    /// <summary>The normalization of text before it is split: "NFC" or "none".</summary>
    internal string Normalizer => _definition.Compose ? "NFC" : "none";

    /// <summary>The rule that splits text into words, for display: "Qwen2", "Llama 3", "GPT-2", or the patterns.</summary>
    internal string PreTokenizer => string.Join(" then ", _definition.Stages.Where(stage => stage.Pattern != null)
        .Select(stage => stage.Pattern!.Source switch
        {
            SplitPattern.Qwen2 => "Qwen2",
            SplitPattern.Llama3 => "Llama 3",
            SplitPattern.Gpt2 => "GPT-2",
            string other => other,
        }).DefaultIfEmpty("none"));

    /// <summary>Reads the tokenizer of a checkpoint.</summary>
    /// <param name="directory">Directory that holds tokenizer.json and, optionally, files that change it: tokenizer_config.json,
    /// special_tokens_map.json, added_tokens.json.</param>
    /// <exception cref="ArgumentNullException">The directory is null.</exception>
    /// <exception cref="ModelFileException">tokenizer.json does not exist; or a file is broken, or describes a tokenizer of
    /// another kind.</exception>
    public static Tokenizer Load(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        return new Tokenizer(TokenizerFile.Read(directory));
    }

    /// <summary>A tokenizer without merges: each byte is a token, ids 0 to 255 in the order of the bytes, followed by the added
    /// tokens, which are special.</summary>
    internal static Tokenizer OfBytes(params ReadOnlySpan<string> addedTokens)
    {
        List<AddedToken> added = [];
        foreach (string content in addedTokens)
            added.Add(new AddedToken(256 + added.Count, content, IsSpecial: true, false, false, false, false));
        return new Tokenizer(new TokenizerDefinition
        {
            Vocabulary = Enumerable.Range(0, 256).ToDictionary(value => ByteAlphabet.ToCharacter((byte)value).ToString()),
            Merges = [],
            IgnoreMerges = false,
            AddedTokens = added,
            Compose = false,
            Stages = [new SplitStage(AddPrefixSpace: false, Pattern: null)],
            Template = ([], []),
        });
    }

    /// <summary>The token ids of a text. Added tokens in the text, special ones too, are always recognized; a
    /// <see cref="ChatPrompt"/> encodes what others wrote as ordinary text.</summary>
    /// <param name="text">Any text. A surrogate without its partner counts as U+FFFD, as it has no UTF-8 form.</param>
    /// <param name="addSpecialTokens">Whether to add what the checkpoint's post-processor adds, such as a token that
    /// begins each text.</param>
    /// <exception cref="ArgumentNullException">The text is null.</exception>
    /// <exception cref="PlatformNotSupportedException">The tokenizer composes characters, the text has some from U+0300 on, and
    /// this platform has no Unicode data.</exception>
    public int[] Encode(string text, bool addSpecialTokens) => Encode(text, addSpecialTokens, []);

    /// <summary>The token ids of a text with parts in which no added token, special or not, is recognized: text in these parts
    /// cannot end a turn or start a thought. Otherwise these parts are encoded together with the text around them; a word may
    /// cross their boundaries.</summary>
    /// <param name="text">Any text. A surrogate without its partner counts as U+FFFD, as it has no UTF-8 form.</param>
    /// <param name="addSpecialTokens">Whether to add what the checkpoint's post-processor adds, such as a token that
    /// begins each text.</param>
    /// <param name="literal">The parts, in UTF-16 units: ascending and disjoint; empty ones have no effect. An added token
    /// that overlaps one of them, even by a single character, is plain text.</param>
    /// <exception cref="ArgumentException">The ranges are not ascending and disjoint, or not within the text.</exception>
    /// <exception cref="PlatformNotSupportedException">As above.</exception>
    internal int[] Encode(string text, bool addSpecialTokens, IReadOnlyList<Range> literal)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(literal);
        (int Start, int End)[] parts = LiteralRanges.Check(literal, text.Length);
        var ids = new List<int>(text.Length / 3 + 8);
        var work = new BytePairModel.Workspace();
        if (addSpecialTokens)
            ids.AddRange(_definition.Template.Prefix);
        ReadOnlySpan<char> whole = ReplaceLoneSurrogates(text);
        foreach (TextSegment segment in _rawTokens.Split(whole, parts))
        {
            if (segment.Token != null)
                ids.Add(segment.Token.Id);
            else
                EncodeRaw(whole, segment, parts, work, ids);
        }
        if (addSpecialTokens)
            ids.AddRange(_definition.Template.Suffix);
        return [.. ids];
    }

    /// <summary>The text of tokens. Bytes that are not UTF-8 become U+FFFD, one for each maximal prefix of a
    /// character, as in Rust's from_utf8_lossy. Ids that are not tokens produce no text.</summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecialTokens">Whether special tokens produce no text.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var bytes = new ArrayBufferWriter<byte>(Math.Max(16, ids.Length * 4));
        foreach (int id in ids)
        {
            if (!(skipSpecialTokens && IsSpecial(id)))
                bytes.Write(TokenBytes(id));
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>The id of a token, or null if there is none.</summary>
    /// <param name="token">The exact content of an added token, or a vocabulary entry in the byte alphabet of the file
    /// ("Ġthe" for " the").</param>
    /// <exception cref="ArgumentNullException">The token is null.</exception>
    public int? TokenId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return _addedIds.TryGetValue(token, out int id) ? id : _model.TokenId(token);
    }

    /// <summary>The bytes of a token, which may be incomplete characters. Empty for an id that is not a
    /// token: a gap in the vocabulary, negative, or beyond <see cref="VocabularySize"/>.</summary>
    public ReadOnlySpan<byte> TokenBytes(int id) => (uint)id < (uint)_tokenBytes.Length ? _tokenBytes[id] : [];

    /// <summary>Whether an id is a special token, which decoding can skip.</summary>
    public bool IsSpecial(int id) => _specialIds.Contains(id);

    // Encodes text between tokens that are matched before normalization.
    private void EncodeRaw(
        ReadOnlySpan<char> whole, TextSegment segment, (int Start, int End)[] parts, BytePairModel.Workspace work, List<int> ids)
    {
        ReadOnlySpan<char> text = whole[segment.Start..segment.End];
        if (_normalizedTokens == null)
        {
            EncodeWords(Normalize(text), 0, work, ids);
            return;
        }
        (int Start, int End)[] literal = LiteralRanges.Within(parts, segment.Start, segment.End);
        ReadOnlySpan<char> normalized = text;
        if (_definition.Compose && literal.Length > 0)
            (normalized, literal) = LiteralRanges.Compose(text, literal);
        else
            normalized = Normalize(text);
        foreach (TextSegment inner in _normalizedTokens.Split(normalized, literal))
        {
            if (inner.Token != null)
                ids.Add(inner.Token.Id);
            else
                EncodeWords(normalized[inner.Start..inner.End], 0, work, ids);
        }
    }

    private void EncodeWords(ReadOnlySpan<char> piece, int depth, BytePairModel.Workspace work, List<int> ids)
    {
        if (depth == _definition.Stages.Count)
        {
            _model.Encode(piece, work, ids);
            return;
        }
        SplitStage stage = _definition.Stages[depth];
        if (stage.AddPrefixSpace && piece[0] != ' ')
            piece = string.Concat(" ", piece);
        if (stage.Pattern == null)
        {
            EncodeWords(piece, depth + 1, work, ids);
            return;
        }
        for (int start = 0; start < piece.Length;)
        {
            int end = stage.Pattern.EndOfPiece(piece, start);
            EncodeWords(piece[start..end], depth + 1, work, ids);
            start = end;
        }
    }

    private ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text) =>
        _definition.Compose ? CanonicalComposition.Compose(text) : text;

    // The text of an added token where it is matched; also the text that it decodes to.
    private string SearchedText(AddedToken token) =>
        token.IsNormalized ? Normalize(token.Content).ToString() : token.Content;

    private static ReadOnlySpan<char> ReplaceLoneSurrogates(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
            return text;
        char[] replaced = text.ToCharArray();
        for (int i = 0; i < replaced.Length; i++)
        {
            if (!char.IsSurrogate(replaced[i]))
                continue;
            if (i + 1 < replaced.Length && char.IsSurrogatePair(replaced[i], replaced[i + 1]))
                i++;
            else
                replaced[i] = '\uFFFD';
        }
        return replaced;
    }

    private byte[]?[] CollectBytes()
    {
        int largest = -1;
        foreach (int id in _definition.Vocabulary.Values)
            largest = Math.Max(largest, id);
        foreach (AddedToken token in _definition.AddedTokens)
            largest = Math.Max(largest, token.Id);
        byte[]?[] bytes = new byte[largest + 1][];
        foreach ((string token, int id) in _definition.Vocabulary)
            bytes[id] = ByteAlphabet.ToBytes(token);
        foreach (AddedToken token in _definition.AddedTokens)
            bytes[token.Id] = ByteAlphabet.ToBytes(SearchedText(token));
        return bytes;
    }
}
