using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>Reads the components around the model in a tokenizer.json: normalizer, pre-tokenizer, post-processor, decoder.
/// Each is one step or a Sequence of steps.</summary>
internal sealed class TokenizerComponents(TokenizerJson json)
{
    /// <summary>Whether text is normalized to NFC.</summary>
    public bool ReadNormalizer(JsonElement root)
    {
        bool compose = false;
        foreach (JsonElement step in Steps(root, "normalizer", "normalizers"))
        {
            string type = json.Text(step, "normalizer", "type");
            if (type != "NFC")
                throw json.Invalid($"the normalizer {HostileText.Quote(type)} is not supported, only NFC");
            compose = true;
        }
        return compose;
    }

    /// <summary>The steps that split text into words, of which ByteLevel is the last.</summary>
    /// <param name="addPrefixSpace">The setting in tokenizer_config.json, which transformers applies if a ByteLevel step is
    /// the whole pre-tokenizer.</param>
    public List<SplitStage> ReadPreTokenizer(JsonElement root, bool? addPrefixSpace)
    {
        const string Name = "pre_tokenizer";
        var stages = new List<SplitStage>();
        bool byteLevel = false;
        bool whole = json.Has(root, "the file", Name, out JsonElement top) && json.Text(top, Name, "type") == "ByteLevel";
        foreach (JsonElement step in Steps(root, Name, "pretokenizers"))
        {
            if (byteLevel)
                throw json.Invalid("a pre-tokenizer after ByteLevel is not supported");
            string type = json.Text(step, Name, "type");
            byteLevel = type == "ByteLevel";
            stages.Add(type switch
            {
                "ByteLevel" => new SplitStage(
                    (whole ? addPrefixSpace : null) ?? json.Flag(step, "ByteLevel", "add_prefix_space"),
                    json.Flag(step, "ByteLevel", "use_regex", absent: true)
                        ? new SplitPattern(SplitPattern.Gpt2)
                        : null),
                "Split" => new SplitStage(AddPrefixSpace: false, ReadSplit(step)),
                _ => throw json.Invalid($"the pre-tokenizer {HostileText.Quote(type)} is not supported, only Split and ByteLevel"),
            });
        }
        return byteLevel
            ? stages
            : throw json.Invalid("there is no ByteLevel pre-tokenizer: only byte-level BPE is supported");
    }

    /// <summary>The ids that are added before and after a text.</summary>
    /// <param name="root">The file.</param>
    /// <param name="tokens">The ids that exist.</param>
    public (int[] Prefix, int[] Suffix) ReadPostProcessor(JsonElement root, HashSet<int> tokens)
    {
        (int[] prefix, int[] suffix) = ([], []);
        foreach (JsonElement step in Steps(root, "post_processor", "processors"))
        {
            string type = json.Text(step, "post_processor", "type");
            if (type == "ByteLevel")
                continue; // It changes offsets, not ids.
            if (type != "TemplateProcessing")
                throw json.Invalid($"the post-processor {HostileText.Quote(type)} is not supported, only TemplateProcessing and ByteLevel");
            (int[] before, int[] after) = ReadTemplate(step, tokens);
            (prefix, suffix) = ([.. before, .. prefix], [.. suffix, .. after]);
        }
        return (prefix, suffix);
    }

    /// <summary>Refuses a decoder other than ByteLevel.</summary>
    public void RequireDecoder(JsonElement root)
    {
        List<JsonElement> steps = Steps(root, "decoder", "decoders");
        string types = string.Join(", ", steps.Select(step => json.Text(step, "decoder", "type")));
        if (types != "ByteLevel")
            throw json.Invalid($"the decoder {(types.Length == 0 ? "null" : HostileText.Quote(types))} is not supported, only ByteLevel");
    }

    // The steps of a component in order, with Sequences flattened; none if it is absent or null.
    private List<JsonElement> Steps(JsonElement root, string name, string members)
    {
        var steps = new List<JsonElement>();
        if (json.Has(root, "the file", name, out JsonElement component))
            Collect(component);
        return steps;

        void Collect(JsonElement step)
        {
            if (json.Text(step, name, "type") != "Sequence")
            {
                steps.Add(step);
                return;
            }
            foreach (JsonElement member in json.Member(step, name, members, JsonValueKind.Array).EnumerateArray())
                Collect(member);
        }
    }

    private SplitPattern ReadSplit(JsonElement step)
    {
        string behavior = json.Text(step, "Split", "behavior");
        if (behavior != "Isolated" || json.Flag(step, "Split", "invert"))
            throw json.Invalid($"a Split that is inverted or {HostileText.Quote(behavior)} is not supported, only Isolated and not inverted");
        JsonElement pattern = json.Member(step, "Split", "pattern", JsonValueKind.Object);
        string source = json.Text(pattern, "the pattern of Split", "Regex");
        try
        {
            return new SplitPattern(source);
        }
        catch (FormatException error)
        {
            throw json.Invalid($"the pattern {HostileText.Quote(source)} of Split is not supported: {error.Message}", error);
        }
    }

    private (int[] Before, int[] After) ReadTemplate(JsonElement step, HashSet<int> tokens)
    {
        var before = new List<int>();
        var after = new List<int>();
        bool textSeen = false;
        JsonElement pieces = json.Member(step, "TemplateProcessing", "single", JsonValueKind.Array);
        foreach (JsonElement piece in pieces.EnumerateArray())
        {
            if (json.Has(piece, "a piece of 'single'", "SpecialToken", out JsonElement special))
            {
                (textSeen ? after : before).AddRange(ReadTemplateToken(step, special, tokens));
                continue;
            }
            JsonElement sequence = json.Member(piece, "a piece of 'single'", "Sequence", JsonValueKind.Object);
            if (textSeen || json.Text(sequence, "Sequence", "id") != "A")
                throw json.Invalid("a template for single texts that uses other texts than A, once, is not supported");
            textSeen = true;
        }
        return textSeen
            ? ([.. before], [.. after])
            : throw json.Invalid("the template for single texts leaves the text out");
    }

    private IEnumerable<int> ReadTemplateToken(JsonElement step, JsonElement special, HashSet<int> tokens)
    {
        string name = json.Text(special, "SpecialToken", "id");
        JsonElement all = json.Member(step, "TemplateProcessing", "special_tokens", JsonValueKind.Object);
        JsonElement token = json.Member(all, "special_tokens", name, JsonValueKind.Object);
        JsonElement ids = json.Member(token, $"special_tokens {HostileText.Quote(name)}", "ids", JsonValueKind.Array);
        foreach (JsonElement value in ids.EnumerateArray())
        {
            int id = json.Id(value, $"the template's {HostileText.Quote(name)}");
            if (!tokens.Contains(id))
                throw json.Invalid($"the template's {HostileText.Quote(name)} has the id {id}, which no token has");
            yield return id;
        }
    }
}
