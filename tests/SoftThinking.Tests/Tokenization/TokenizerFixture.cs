using System.Text.Json.Nodes;
using SoftThinking.Tokenization;

namespace SoftThinking.Tests.Tokenization;

/// <summary>A small tokenizer.json to change and load: ids 0 to 255 are the bytes, 256 is "he", 257 "ll", 258 "hell",
/// 259 "Ġhell", 260 is the special token &lt;s&gt;, 261 the marker &lt;t&gt;.</summary>
internal static class TokenizerFixture
{
    public const int He = 256;
    public const int Ll = 257;
    public const int Hell = 258;
    public const int SpaceHell = 259;
    public const int Start = 260;
    public const int Marker = 261;

    public static JsonObject Create()
    {
        var vocabulary = new JsonObject();
        for (int value = 0; value < 256; value++)
            vocabulary.Add(ByteAlphabet.ToCharacter((byte)value).ToString(), value);
        vocabulary.Add("he", He);
        vocabulary.Add("ll", Ll);
        vocabulary.Add("hell", Hell);
        vocabulary.Add("Ġhell", SpaceHell);
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(AddedToken(Start, "<s>", "special"), AddedToken(Marker, "<t>")),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray("h e", "l l", "he ll", "Ġ hell"),
            },
        };
    }

    public static JsonObject ByteLevel(bool addPrefixSpace = false, bool useRegex = true) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = addPrefixSpace,
        ["trim_offsets"] = true,
        ["use_regex"] = useRegex,
    };

    public static JsonObject Split(string pattern) => new()
    {
        ["type"] = "Split",
        ["pattern"] = new JsonObject { ["Regex"] = pattern },
        ["behavior"] = "Isolated",
        ["invert"] = false,
    };

    public static JsonObject AddedToken(int id, string content, params string[] flags)
    {
        var token = new JsonObject { ["id"] = id, ["content"] = content };
        foreach (string flag in (string[])["single_word", "lstrip", "rstrip", "normalized", "special"])
            token[flag] = flags.Contains(flag);
        return token;
    }

    public static JsonObject Template(params JsonNode[] pieces) => new()
    {
        ["type"] = "TemplateProcessing",
        ["single"] = new JsonArray(pieces),
        ["pair"] = new JsonArray(),
        ["special_tokens"] = new JsonObject
        {
            ["<s>"] = new JsonObject
            {
                ["id"] = "<s>",
                ["ids"] = new JsonArray(Start),
                ["tokens"] = new JsonArray("<s>"),
            },
        },
    };

    public static JsonObject Special(string name) => Piece("SpecialToken", name);

    public static JsonObject Sequence(string name) => Piece("Sequence", name);

    private static JsonObject Piece(string kind, string name) => new()
    {
        [kind] = new JsonObject { ["id"] = name, ["type_id"] = 0 },
    };

    public static Tokenizer Load(JsonNode json) => LoadText(json.ToJsonString());

    public static Tokenizer LoadText(string json)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("tokenizer-test-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "tokenizer.json"), json);
            return Tokenizer.Load(folder.FullName);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
