using System.Buffers;
using System.Text;

namespace SoftThinking.Tokenization;

/// <summary>The BPE tokenizer of a checkpoint, over bytes or, as in SentencePiece, over characters: tokenizer.json of Hugging Face
/// with the changes of the other tokenizer files (tokenizer_config.json, special_tokens_map.json, added_tokens.json), or
/// tekken.json of Mistral AI. Returns the same ids and texts as Hugging Face's tokenizers, except for tokens of bytes that are not
/// UTF-8; truncation and padding are not applied. Thread-safe.</summary>
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
        _model = new BytePairModel(definition.Vocabulary, definition.Merges, definition.IgnoreMerges, definition.Characters);
        _addedIds = definition.AddedTokens.ToDictionary(token => token.Content, token => token.Id);
        _specialIds = [.. definition.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Id)];
        _tokenBytes = CollectBytes();
        ILookup<bool, (string Text, AddedToken Token)> byNormalized = definition.AddedTokens
            .ToLookup(token => token.IsNormalized, token => (Text: SearchedText(token), Token: token));
        _rawTokens = new AddedTokenMatcher(byNormalized[false]);
        _normalizedTokens = byNormalized.Contains(true) ? new AddedTokenMatcher(byNormalized[true]) : null;
    }

    /// <summary>The kind of tokenizer, for display.</summary>
    internal string Kind => _definition.Characters == null ? "byte-level BPE"
        : _definition.Decoder.ByteFallback ? "BPE over characters with byte fallback" : "BPE over characters";

    /// <summary>Largest id plus one, added tokens included. A model's embedding may have more rows.</summary>
    public int VocabularySize => _tokenBytes.Length;

    /// <summary>Number of different pairs that merge.</summary>
    internal int MergeCount => _model.MergeCount;

    /// <summary>The token that the checkpoint's tokenizer names as the end of a text ("eos_token"); null if it names
    /// none.</summary>
    internal int? EndId => _definition.EndToken is string end ? TokenId(end) : null;

    /// <summary>The added tokens, those of tokenizer.json first.</summary>
    internal IReadOnlyList<AddedToken> AddedTokens => _definition.AddedTokens;

    /// <summary>The normalization of text before it is split, such as "NFC" or "none".</summary>
    internal string Normalizer => _definition.Normalizer.Description;

    /// <summary>The most spaces that decoding leaves out where a text begins.</summary>
    internal int LeadingSpaces => _definition.Decoder.LeadingSpaces;

    /// <summary>The rule that splits text into words, for display: "Qwen2", "Llama 3", "GPT-2", or the patterns.</summary>
    internal string PreTokenizer => string.Join(" then ", _definition.Stages.Where(stage => stage.Pattern != null || stage.SpaceStandIn != null)
        .Select(stage => stage.SpaceStandIn != null ? "Metaspace" : stage.Pattern!.Source switch
        {
            SplitPattern.Qwen2 => "Qwen2",
            SplitPattern.Llama3 => "Llama 3",
            SplitPattern.Gpt2 => "GPT-2",
            string other => other,
        }).DefaultIfEmpty("none"));

    /// <summary>Reads the tokenizer of a checkpoint.</summary>
    /// <param name="directory">Directory that holds tokenizer.json and, optionally, files that change it: tokenizer_config.json,
    /// special_tokens_map.json, added_tokens.json. Where there is no tokenizer.json, tekken.json is read.</param>
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
            Normalizer = new TextNormalizer([]),
            Decoder = new TokenDecoder { ByteLevel = true },
            Stages = [SplitStage.ByteLevel(addPrefixSpace: false, splits: false)],
            Template = ([], []),
        });
    }

    /// <summary>The token ids of a text. Added tokens in the text, special ones too, are always recognized; a
    /// <see cref="ChatPrompt"/> encodes what others wrote as ordinary text.</summary>
    /// <param name="text">Any text. A surrogate without its partner counts as U+FFFD, as it has no UTF-8 form.</param>
    /// <param name="addSpecialTokens">Whether to add what the checkpoint's post-processor adds, such as a token that
    /// begins each text.</param>
    /// <exception cref="ArgumentNullException">The text is null.</exception>
    /// <exception cref="ArgumentException">The tokenizer composes characters, and the text has more than 1000 combining marks in a
    /// row.</exception>
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
    /// <exception cref="ArgumentException">The ranges are not ascending and disjoint, or not within the text; or as above.</exception>
    /// <exception cref="PlatformNotSupportedException">As above.</exception>
    internal int[] Encode(string text, bool addSpecialTokens, IReadOnlyList<Range> literal)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(literal);
        (int Start, int End)[] parts = LiteralRanges.Check(literal, text.Length);
        return addSpecialTokens
            ? [.. _definition.Template.Prefix, .. EncodePieces(text, parts, continues: false), .. _definition.Template.Suffix]
            : [.. EncodePieces(text, parts, continues: false)];
    }

    /// <summary>The token ids of a text that follows another one. Tokenizers over characters put no space before it, not even after an
    /// added token: the text has none there. Otherwise as <see cref="Encode(string, bool)"/> without special tokens.</summary>
    /// <param name="text">Any text. The content of an added token is that token.</param>
    /// <exception cref="ArgumentException">As above.</exception>
    /// <exception cref="PlatformNotSupportedException">As above.</exception>
    internal int[] EncodeContinuation(string text) =>
        _addedIds.TryGetValue(text, out int id) ? [id] : [.. EncodePieces(text, [], continues: _definition.Characters != null)];

    /// <summary>The text of tokens. Bytes that are not UTF-8 become U+FFFD, one for each maximal prefix of a
    /// character, as in Rust's from_utf8_lossy. Ids that are not tokens produce no text. Tokenizers that encode a text with a space
    /// before it (SentencePiece) leave out the space that the text of the tokens begins with, as Hugging Face's do: "▁Hello" alone is
    /// "Hello". <see cref="TokenText"/> keeps it.</summary>
    /// <param name="ids">Token ids, from the start of a text on.</param>
    /// <param name="skipSpecialTokens">Whether special tokens produce no text.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens) => Decode(ids, skipSpecialTokens, LeadingSpaces);

    /// <summary>The text of tokens that follow others, special tokens included: no space is left out.</summary>
    internal string DecodeContinuation(ReadOnlySpan<int> ids) => Decode(ids, skipSpecialTokens: false, leadingSpaces: 0);

    /// <summary>The text of one token within a text: "▁Hello" is " Hello". The texts of all tokens together are the text that they encode,
    /// but for a space before it, see <see cref="Decode(ReadOnlySpan{int}, bool)"/>, and for characters that span several tokens: bytes that are not UTF-8 become
    /// U+FFFD.</summary>
    /// <param name="id">A token id; one that is not a token has no text.</param>
    public string TokenText(int id) => Encoding.UTF8.GetString(TokenBytes(id));

    private string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens, int leadingSpaces)
    {
        var bytes = new ArrayBufferWriter<byte>(Math.Max(16, ids.Length * 4));
        foreach (int id in ids)
        {
            if (!(skipSpecialTokens && IsSpecial(id)))
                bytes.Write(TrimLeading(TokenBytes(id), ref leadingSpaces));
        }
        return Encoding.UTF8.GetString(bytes.WrittenSpan);
    }

    /// <summary>The id of a token, or null if there is none.</summary>
    /// <param name="token">The exact content of an added token, or a vocabulary entry as the file has it: "Ġthe" for " the" in
    /// the byte alphabet, "▁the" where it is over characters.</param>
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

    /// <summary>Bytes without the spaces that may be left out where a text begins.</summary>
    /// <param name="bytes">The next bytes of the text.</param>
    /// <param name="spaces">How many spaces may still be left out; 0 once something else came.</param>
    internal static ReadOnlySpan<byte> TrimLeading(ReadOnlySpan<byte> bytes, ref int spaces)
    {
        for (; spaces > 0 && bytes.Length > 0; spaces--)
        {
            if (bytes[0] != ' ')
            {
                spaces = 0;
                break;
            }
            bytes = bytes[1..];
        }
        return bytes;
    }

    private List<int> EncodePieces(string text, (int Start, int End)[] parts, bool continues)
    {
        var ids = new List<int>(text.Length / 3 + 8);
        var work = new BytePairModel.Workspace();
        ReadOnlySpan<char> whole = ReplaceLoneSurrogates(text);
        foreach (TextSegment segment in _rawTokens.Split(whole, parts))
        {
            if (segment.Token != null)
                ids.Add(segment.Token.Id);
            else
                EncodeRaw(whole, segment, parts, continues, work, ids);
        }
        return ids;
    }

    // Encodes text between tokens that are matched before normalization.
    private void EncodeRaw(
        ReadOnlySpan<char> whole, TextSegment segment, (int Start, int End)[] parts, bool continues, BytePairModel.Workspace work, List<int> ids)
    {
        ReadOnlySpan<char> text = whole[segment.Start..segment.End];
        PiecePlace place = continues ? PiecePlace.Continuation : segment.Start == 0 ? PiecePlace.Start : PiecePlace.Middle;
        (int Start, int End)[] literal = _normalizedTokens == null ? [] : LiteralRanges.Within(parts, segment.Start, segment.End);
        ReadOnlySpan<char> normalized;
        if (literal.Length > 0)
            (normalized, literal) = _definition.Normalizer.Normalize(text, literal, prepends: !continues);
        else
            normalized = _definition.Normalizer.Normalize(text, prepends: !continues);
        if (_normalizedTokens == null)
        {
            EncodeWords(normalized, 0, place, work, ids);
            return;
        }
        foreach (TextSegment inner in _normalizedTokens.Split(normalized, literal))
        {
            if (inner.Token != null)
                ids.Add(inner.Token.Id);
            else
                EncodeWords(normalized[inner.Start..inner.End], 0, Within(place, inner.Start), work, ids);
        }
    }

    private void EncodeWords(ReadOnlySpan<char> piece, int depth, PiecePlace place, BytePairModel.Workspace work, List<int> ids)
    {
        if (depth == _definition.Stages.Count)
        {
            _model.Encode(piece, work, ids);
            return;
        }
        SplitStage stage = _definition.Stages[depth];
        piece = stage.Prepare(piece, place);
        if (stage.Pattern == null)
        {
            EncodeWords(piece, depth + 1, place, work, ids);
            return;
        }
        for (int start = 0; start < piece.Length;)
        {
            int end = stage.EndOfPiece(piece, start, out bool removed);
            if (!removed)
                EncodeWords(piece[start..end], depth + 1, Within(place, start), work, ids);
            start = end;
        }
    }

    private static PiecePlace Within(PiecePlace place, int start) => place == PiecePlace.Start && start > 0 ? PiecePlace.Middle : place;

    // The text of an added token where it is matched; over bytes also the text that it decodes to.
    private string SearchedText(AddedToken token) =>
        token.IsNormalized ? _definition.Normalizer.Normalize(token.Content, prepends: true).ToString() : token.Content;

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
            bytes[id] = _definition.Decoder.ToBytes(token);
        foreach (AddedToken token in _definition.AddedTokens)
            bytes[token.Id] = _definition.Decoder.ToBytes(_definition.Decoder.ByteLevel ? SearchedText(token) : token.Content);
        return bytes;
    }
}
