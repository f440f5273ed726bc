using System.Text;
using System.Text.Json.Nodes;

namespace SoftThinking.Tests;

/// <summary>A checkpoint that says what a test wants, by greedy decoding or otherwise: the last token of the prompt selects the reply, and
/// each token selects the next. It loads in an ordinary engine, on the CPU in milliseconds. Where the engine ends a thought early, the answer
/// follows if the thought's last token occurs only once in all replies. A piece of one ASCII character is the same token as that character
/// in a prompt.</summary>
/// <example><code>
/// ScriptedModel.Write(folder, ScriptedModel.HermesTemplate,
///     new ScriptedReply("&lt;|plain|&gt;", "Let me", " think.", "&lt;/think&gt;", "\n\n", "Hello."),
///     new ScriptedReply("&lt;|tools|&gt;", "I ask.", "&lt;/think&gt;", "&lt;tool_call&gt;", """{"name": "f", "argu""", "ments\": {}}", "&lt;/tool_call&gt;"));
/// </code></example>
internal static class ScriptedModel
{
    /// <summary>The special token that ends every reply and every turn.</summary>
    public const string EndOfText = "<|end|>";

    /// <summary>A template in the manner of Hermes and Qwen. It opens the thought, and ends with "&lt;|result|&gt;" after a tool's result, else
    /// "&lt;|tools|&gt;" where there are tools, else "&lt;|plain|&gt;"; with enable_thinking = false there is no thought, and the end
    /// is "&lt;|direct|&gt;".</summary>
    public const string HermesTemplate =
        """
        {%- if tools %}
            {{- '<|system|>Answer with <tool_call>\n{"name": <name>, "arguments": <object>}\n</tool_call> to call one of these:' }}
            {%- for tool in tools %}{{- '\n' + (tool | tojson) }}{%- endfor %}
            {{- '<|end|>' }}
        {%- endif %}
        {%- for message in messages %}
            {{- '<|' + message.role + '|>' + (message.content or '') }}
            {%- for call in message.tool_calls or [] %}
                {{- '\n<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}\n</tool_call>' }}
            {%- endfor %}
            {{- '<|end|>' }}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|assistant|>' }}
            {%- if enable_thinking is defined and not enable_thinking %}
                {{- '<|direct|>' }}
            {%- else %}
                {{- '<think>\n' + ('<|result|>' if messages[-1].role == 'tool' else '<|tools|>' if tools else '<|plain|>') }}
            {%- endif %}
        {%- endif %}
        """;

    // Their text is no part of a reply.
    private static readonly string[] Special = [EndOfText, "[TOOL_CALLS]", "[CALL_ID]", "[ARGS]", "<|python_tag|>"];

    /// <param name="folder">An existing folder, which receives the files of the checkpoint.</param>
    /// <param name="chatTemplate">The chat template.</param>
    /// <param name="replies">At least one; the first is also the reply to a prompt that ends with no trigger.</param>
    public static void Write(string folder, string chatTemplate, params ScriptedReply[] replies)
    {
        ScriptedChain chain = new(replies, EndOfText);
        string[] added = [.. chain.Tokens.Concat(Special).Concat(["<think>", "</think>"]).Concat(replies.Select(reply => reply.Trigger)).Distinct()];
        Dictionary<string, int> ids = Enumerable.Range(0, 256).ToDictionary(value => InAlphabet((byte)value).ToString());
        foreach (string token in added)
            ids.TryAdd(InAlphabet(token), ids.Count);
        ScriptedWeights weights = new(chain, [.. chain.Tokens.Select(token => ids[InAlphabet(token)])], ids.Count);
        JsonObject config = weights.Config();
        config["eos_token_id"] = ids[EndOfText];
        JsonObject tokenizerConfig = new() { ["chat_template"] = chatTemplate, ["eos_token"] = EndOfText };
        Save("config.json", config);
        Save("tokenizer.json", Tokenizer(added, ids));
        Save("tokenizer_config.json", tokenizerConfig);
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), weights.ToFile());

        void Save(string file, JsonObject json) => File.WriteAllText(Path.Combine(folder, file), json.ToJsonString());
    }

    /// <summary>As <see cref="Write"/>, for a model that does not think: no marker of a thought is in its template or its vocabulary.</summary>
    public static void WriteWithoutThoughts(string folder, ScriptedReply reply)
    {
        Write(folder, "{{ messages[-1].content }}" + reply.Trigger, reply);
        string tokenizer = Path.Combine(folder, "tokenizer.json");
        File.WriteAllText(tokenizer, File.ReadAllText(tokenizer).Replace("think", "idea", StringComparison.Ordinal));
    }

    /// <summary>Each byte is a token, and so is each piece.</summary>
    private static JsonObject Tokenizer(string[] added, Dictionary<string, int> ids)
    {
        JsonObject vocabulary = [.. ids.Where(entry => entry.Value < 256).Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))];
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray([.. added.Select(token => AddedToken(token, ids[InAlphabet(token)]))]),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["use_regex"] = false },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray() },
        };
    }

    private static JsonObject AddedToken(string token, int id)
    {
        JsonObject json = new() { ["id"] = id, ["content"] = InAlphabet(token), ["special"] = Special.Contains(token) || ScriptedChain.IsFiller(token) };
        foreach (string flag in new[] { "single_word", "lstrip", "rstrip", "normalized" })
            json[flag] = false;
        return json;
    }

    private static string InAlphabet(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(InAlphabet));

    /// <summary>A byte in the alphabet of byte-level BPE: printable ones of Latin-1 stand for themselves, the others follow U+0100.</summary>
    private static char InAlphabet(byte value) => (char)((int)value switch
    {
        <= ' ' => 0x100 + value,
        >= 0x7F and <= 0xA0 => 0x100 + ' ' + 1 + (value - 0x7F),
        0xAD => 0x143,
        _ => value,
    });
}
