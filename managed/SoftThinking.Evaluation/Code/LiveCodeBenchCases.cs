using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace SoftThinking.Evaluation.Code;

/// <summary>
/// Reads the tests of a LiveCodeBench problem in the forms that the benchmark has used: a list of
/// <c>{input, output, testtype}</c>, or an object <c>{inputs, outputs, fn_name}</c>; as JSON, as text that holds JSON, or
/// (private tests) as base64 of zlib of a pickled text. Pickle is not executed: only a single text is understood.
/// </summary>
internal static partial class LiveCodeBenchCases
{
    /// <summary>Largest size of unpacked tests. The largest of the benchmark has about a quarter of it.</summary>
    private const int MaximumBytes = 512 << 20;

    public static IReadOnlyList<CodeCheck> Read(JsonObject item)
    {
        List<CodeCheck> checks = [];
        foreach (string key in new[] { "public_test_cases", "private_test_cases", "input_output", "tests" })
        {
            if (item[key] is { } node)
                checks.AddRange(Read(item, key, Open(node, key)));
        }
        return checks;
    }

    private static IEnumerable<CodeCheck> Read(JsonObject item, string key, JsonNode? tests) => tests switch
    {
        null => [],
        JsonArray array => array.Select(test => Single(item, key, test)),
        JsonObject pair => Paired(item, key, pair),
        _ => throw new FormatException($"\"{key}\" must be a list of tests, or an object with \"inputs\" and \"outputs\"."),
    };

    private static CodeCheck Single(JsonObject item, string key, JsonNode? node)
    {
        if (node is not JsonObject test)
            throw new FormatException($"\"{key}\" must be a list of objects with \"input\" and \"output\".");
        string input = ReferenceReader.Text(test, "input"), output = ReferenceReader.Text(test, "output");
        string kind = ReferenceReader.OptionalText(test, "testtype") ?? (Function(item) is null ? "stdin" : "functional");
        return kind switch
        {
            "stdin" => new OutputCheck(input, output),
            "functional" => Call(item, key, Arguments(input, key), ReferenceReader.Parse(output, key)),
            _ => throw new FormatException($"\"{key}\" has a test of type \"{kind}\"; known are stdin and functional."),
        };
    }

    /// <summary>Parallel lists. With fn_name every input is a list of arguments, or a text with one argument a line.</summary>
    private static IEnumerable<CodeCheck> Paired(JsonObject item, string key, JsonObject tests)
    {
        if (tests["inputs"] is not JsonArray inputs || tests["outputs"] is not JsonArray outputs
            || inputs.Count != outputs.Count)
            throw new FormatException($"\"{key}\" must have lists \"inputs\" and \"outputs\" of the same length.");
        string? name = ReferenceReader.OptionalText(tests, "fn_name");
        foreach ((JsonNode? input, JsonNode? output) in inputs.Zip(outputs))
        {
            if (name is null)
                yield return new OutputCheck(Lines(input, key), Lines(output, key));
            else
            {
                JsonArray arguments = input is JsonArray list
                    ? list.DeepClone().AsArray()
                    : Arguments(Lines(input, key), key);
                yield return Call(name, arguments, ReferenceReader.Nested(output, key)?.DeepClone());
            }
        }
    }

    private static CodeCheck Call(JsonObject item, string key, JsonArray arguments, JsonNode? expected) =>
        Function(item) is { } name
            ? Call(name, arguments, expected)
            : throw new FormatException($"\"{key}\" calls a function that neither metadata nor starter_code names.");

    private static HarnessCheck Call(string name, JsonArray arguments, JsonNode? expected) => new(new JsonObject
    {
        ["kind"] = "call",
        ["entry_point"] = name,
        ["arguments"] = arguments,
        ["expected"] = expected,
    });

    /// <summary>One argument a line, each as JSON.</summary>
    private static JsonArray Arguments(string input, string key) =>
        [.. input.Split('\n').Where(line => !string.IsNullOrWhiteSpace(line))
            .Select(line => ReferenceReader.Parse(line, key))];

    private static string Lines(JsonNode? node, string key) => node switch
    {
        JsonArray array => string.Join("\n", array.Select(line => Lines(line, key))),
        JsonValue value when value.TryGetValue(out string? text) => text,
        _ => throw new FormatException($"\"{key}\" must have inputs and outputs that are texts."),
    };

    /// <summary>Name of the function that is asked for; null where a program is.</summary>
    private static string? Function(JsonObject item)
    {
        if (ReferenceReader.Nested(item["metadata"], "metadata") is JsonObject metadata
            && ReferenceReader.OptionalText(metadata, "func_name") is { } name)
            return name;
        Match match = Method().Match(ReferenceReader.OptionalText(item, "starter_code") ?? "");
        return match.Success ? match.Groups[1].Value : null;
    }

    private static JsonNode? Open(JsonNode node, string key)
    {
        if (node is not JsonValue value || !value.TryGetValue(out string? text))
            return node;
        text = text.Trim();
        if (text.Length == 0)
            return null;
        return ReferenceReader.Parse(text[0] is '[' or '{' ? text : Unpack(text, key), key);
    }

    private static string Unpack(string text, string key)
    {
        byte[] bytes = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, bytes, out int size))
            throw new FormatException($"\"{key}\" must hold JSON, or base64 of zlib data.");
        try
        {
            using MemoryStream packed = new(bytes, 0, size);
            using ZLibStream stream = new(packed, CompressionMode.Decompress);
            using MemoryStream unpacked = new();
            byte[] buffer = new byte[1 << 16];
            for (int count; (count = stream.Read(buffer)) > 0;)
            {
                if (unpacked.Length + count > MaximumBytes)
                    throw new FormatException($"\"{key}\" unpacks to more than {MaximumBytes >> 20} MiB.");
                unpacked.Write(buffer, 0, count);
            }
            return PickledText(unpacked.GetBuffer().AsSpan(0, (int)unpacked.Length))
                ?? throw new FormatException($"\"{key}\" must hold one pickled text.");
        }
        catch (InvalidDataException)
        {
            throw new FormatException($"\"{key}\" must hold JSON, or base64 of zlib data.");
        }
    }

    /// <summary>The text of a pickle that consists of one: protocol, frame, text, memo, end.</summary>
    internal static string? PickledText(ReadOnlySpan<byte> pickle)
    {
        const byte protocol = 0x80, frame = 0x95, shortText = 0x8c, text = (byte)'X', longText = 0x8d;
        if (pickle.Length > 2 && pickle[0] == protocol)
            pickle = pickle[2..];
        if (pickle.Length > 9 && pickle[0] == frame)
            pickle = pickle[9..];
        if (pickle.IsEmpty)
            return null;
        (int start, ulong length) = pickle[0] switch
        {
            shortText when pickle.Length >= 2 => (2, pickle[1]),
            text when pickle.Length >= 5 => (5, BinaryPrimitives.ReadUInt32LittleEndian(pickle[1..])),
            longText when pickle.Length >= 9 => (9, BinaryPrimitives.ReadUInt64LittleEndian(pickle[1..])),
            _ => (0, 0UL),
        };
        if (start == 0 || length > (ulong)(pickle.Length - start) || pickle[^1] != '.')
            return null;
        return Encoding.UTF8.GetString(pickle.Slice(start, (int)length));
    }

    [GeneratedRegex(@"^\s*def\s+(\w+)\s*\(\s*self\b", RegexOptions.Multiline)]
    private static partial Regex Method();
}
