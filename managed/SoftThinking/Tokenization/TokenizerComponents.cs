using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>Reads the components around the model in a tokenizer.json: normalizer, pre-tokenizer, post-processor, decoder.
/// Each is one step or a Sequence of steps.</summary>
internal sealed class TokenizerComponents(TokenizerJson json)
{
    /// <summary>Steps of a decoder that is not ByteLevel, in the order in which they may stand.</summary>
    private static readonly string[] DecoderSteps = ["Replace", "ByteFallback", "Fuse", "Strip"];

    /// <summary>What is done to text before it is split.</summary>
    public TextNormalizer ReadNormalizer(JsonElement root) =>
        new([.. Steps(root, "normalizer", "normalizers").Select(ReadNormalizerStep)]);

    /// <summary>The steps that split text into words.</summary>
    /// <param name="addPrefixSpace">The setting in tokenizer_config.json, which transformers applies if a ByteLevel step is
    /// the whole pre-tokenizer.</param>
    /// <param name="byteLevel">Whether the last step is ByteLevel, which makes the tokenizer one over bytes.</param>
    public List<SplitStage> ReadPreTokenizer(JsonElement root, bool? addPrefixSpace, out bool byteLevel)
    {
        const string Name = "pre_tokenizer";
        var stages = new List<SplitStage>();
        byteLevel = false;
        bool whole = json.Has(root, "the file", Name, out JsonElement top) && json.Text(top, Name, "type") == "ByteLevel";
        PreTokenizerReader reader = new(json, whole ? addPrefixSpace : null);
        foreach (JsonElement step in Steps(root, Name, "pretokenizers"))
        {
            if (byteLevel)
                throw json.Invalid("a pre-tokenizer after ByteLevel is not supported");
            string type = json.Text(step, Name, "type");
            byteLevel = type == "ByteLevel";
            stages.Add(reader.Read(step, type));
        }
        return stages;
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

    /// <summary>How tokens become text again: ByteLevel over bytes; otherwise Replace, ByteFallback, Fuse and Strip, in this
    /// order.</summary>
    /// <param name="byteLevel">Whether the pre-tokenizer has a ByteLevel step.</param>
    public TokenDecoder ReadDecoder(JsonElement root, bool byteLevel)
    {
        const string Name = "decoder";
        List<JsonElement> steps = Steps(root, Name, "decoders");
        string types = string.Join(", ", steps.Select(step => json.Text(step, Name, "type")));
        if ((types == "ByteLevel") != byteLevel)
        {
            throw json.Invalid($"the decoder {(types.Length == 0 ? "null" : HostileText.Quote(types))} "
                + $"{(byteLevel ? "with" : "without")} a ByteLevel pre-tokenizer is not supported");
        }
        if (byteLevel)
            return new TokenDecoder { ByteLevel = true };
        if (types.Length == 0)
            throw json.Invalid("the decoder null, which puts spaces between tokens, is not supported");
        TokenDecoder decoder = new();
        int last = -1;
        foreach (JsonElement step in steps)
        {
            string type = json.Text(step, Name, "type");
            int place = Array.IndexOf(DecoderSteps, type);
            if (place <= last)
                throw json.Invalid($"the decoder {HostileText.Quote(types)} is not supported, only ByteLevel, or {string.Join(", ", DecoderSteps)} in this order");
            if (type == "Strip" && last != place - 1)
                throw json.Invalid("a decoder Strip that does not follow Fuse is not supported");
            last = place;
            decoder = type switch
            {
                "Replace" => decoder with { Replacement = ReadReplacement(step, "the decoder Replace") },
                "ByteFallback" => decoder with { ByteFallback = true },
                "Strip" => decoder with { LeadingSpaces = ReadStrip(step) },
                _ => decoder, // Fuse: the text is one piece anyway
            };
        }
        return decoder;
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

    private NormalizerStep ReadNormalizerStep(JsonElement step)
    {
        string type = json.Text(step, "normalizer", "type");
        switch (type)
        {
            case "NFC":
                return new NormalizerStep.Compose();
            case "Prepend":
                return new NormalizerStep.Prepend(json.Text(step, "the normalizer Prepend", "prepend"));
            case "Replace":
                (string from, string to) = ReadReplacement(step, "the normalizer Replace");
                return from.Length == 1 && to.Length == 1
                    ? new NormalizerStep.Replace(from[0], to[0])
                    : throw json.Invalid($"the normalizer Replace of {HostileText.Quote(from)} by {HostileText.Quote(to)} is not supported, "
                        + "only of one character by one");
            default:
                throw json.Invalid($"the normalizer {HostileText.Quote(type)} is not supported, only NFC, Prepend and Replace");
        }
    }

    private (string From, string To) ReadReplacement(JsonElement step, string where)
    {
        JsonElement pattern = json.Member(step, where, "pattern", JsonValueKind.Object);
        string from = json.Text(pattern, $"the pattern of {where}", "String");
        return from.Length > 0 ? (from, json.Text(step, where, "content")) : throw json.Invalid($"the pattern of {where} is empty");
    }

    private int ReadStrip(JsonElement step)
    {
        const string Where = "the decoder Strip";
        int start = json.Count(step, Where, "start"), stop = json.Count(step, Where, "stop");
        return json.Text(step, Where, "content") == " " && stop == 0
            ? start
            : throw json.Invalid($"{Where} is supported only for spaces where a text begins");
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
