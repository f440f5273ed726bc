using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Tests.Checkpoints;

/// <summary>Random damage to files.</summary>
internal static class Mutation
{
    /// <summary>Bytes and pieces that steer a JSON reader into its corners.</summary>
    private static readonly string[] Pieces =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\ud800", "\0", "-", "-1", "0", "1e999", "1.5",
        "9223372036854775807",
        "18446744073709551616", "null", "true", "\"\"", "{}", "[]", "\"dtype\"", "\"shape\"", "\"F4\"", "\"F64\"", "é",
    ];

    /// <summary>Values that are seldom right.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "2", "3", "-1", "127", "128", "1024", "65536", "2147483647", "2147483648", "9223372036854775807", "1e308", "1e-308",
        "0.5", "-0.0", "\"\"", "\"auto\"", "[]", "{}", "[0]", "[128,128]", "[1,2,3]", "\"F32\"", "\"F16\"", "\"BF16\"", "\"U8\"", "\"I8\"", "\"F8_E4M3\"", "\"F8_E5M2\"",
        "\"tensor\"", "\"channel\"", "\"block\"", "\"linear\"", "\"re:.*\"", "\"model.layers.*\"",
    ];

    /// <summary>One to three changes of bytes and short pieces.</summary>
    public static byte[] OfBytes(byte[] good, Random random)
    {
        List<byte> bytes = [.. good];
        for (int times = random.Next(1, 4); times > 0 && bytes.Count > 0; times--)
        {
            int at = random.Next(bytes.Count);
            int count = random.Next(Math.Min(12, bytes.Count - at) + 1);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, count);
                    break;
                case 3:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, count));
                    break;
                case 4:
                    Overwrite(bytes, at, Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]));
                    break;
                default:
                    if (random.Next(8) == 0)
                        bytes.RemoveRange(at, bytes.Count - at);
                    else
                        bytes.InsertRange(at, Encoding.UTF8.GetBytes(Pieces[random.Next(Pieces.Length)]));
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Keeps the length, so that a damaged safetensors header still has the length it claims.</summary>
    private static void Overwrite(List<byte> bytes, int at, byte[] piece)
    {
        for (int i = 0; i < piece.Length && at + i < bytes.Count; i++)
            bytes[at + i] = piece[i];
    }

    /// <summary>One or two changes of the values and keys of an object, which stays JSON.</summary>
    public static byte[] OfJson(byte[] good, Random random)
    {
        JsonNode root = JsonNode.Parse(good)!;
        for (int times = random.Next(1, 3); times > 0; times--)
        {
            JsonNode[] nodes = [.. Descendants(root)];
            if (nodes.Length > 0)
                Change(nodes[random.Next(nodes.Length)], nodes[random.Next(nodes.Length)], random);
        }
        return JsonSerializer.SerializeToUtf8Bytes(root);
    }

    /// <summary>The header of a safetensors file with changes, and a length that is right; or the whole file with changes of bytes.</summary>
    public static byte[] OfHeader(byte[] good, Random random)
    {
        int length = BitConverter.ToInt32(good);
        byte[] header = good[8..(8 + length)], data = good[(8 + length)..];
        return random.Next(4) switch
        {
            0 => SafetensorsWriter.Compose(OfBytes(header, random), data),
            1 => SafetensorsWriter.Compose(OfJson(header, random), data),
            2 => SafetensorsWriter.Compose(OfEntries(header, random), data),
            _ => OfBytes(good[..(8 + length)], random) is var changed ? [.. changed, .. data] : [],
        };
    }

    /// <summary>Elements of tensors, or all of one, in the place of which there are special numbers; or a file of another length.</summary>
    public static byte[] OfData(byte[] good, Random random)
    {
        byte[] bytes = [.. good];
        if (random.Next(50) == 0)
            return random.Next(2) == 0 ? bytes[..random.Next(bytes.Length)] : [.. bytes, .. new byte[random.Next(1, 9)]];
        int start = 8 + BitConverter.ToInt32(good);
        JsonNode[] tensors = [.. JsonNode.Parse(good.AsSpan(8..start))!.AsObject().Where(entry => entry.Key != "__metadata__").Select(entry => entry.Value!)];
        for (int times = random.Next(1, 4); times > 0; times--)
        {
            JsonNode offsets = tensors[random.Next(tensors.Length)]["data_offsets"]!;
            Span<byte> tensor = bytes.AsSpan(start)[offsets[0]!.GetValue<int>()..offsets[1]!.GetValue<int>()];
            if (random.Next(3) > 0)
                tensor = tensor.Slice(random.Next(tensor.Length / 2) * 2, Math.Min(2, tensor.Length));
            // NaN, infinity, the largest and the smallest of bf16 and f16, and any.
            int pattern = random.Next(8) switch { 0 => 0x7FC0, 1 => 0xFF80, 2 => 0x7F7F, 3 => 0x0001, 4 => 0x7E00, 5 => 0xFBFF, 6 => 0, _ => random.Next(65536) };
            for (int i = 0; i < tensor.Length; i++)
                tensor[i] = (byte)(pattern >> i % 2 * 8);
        }
        return bytes;
    }

    private static IEnumerable<JsonNode> Descendants(JsonNode node) => (node switch
    {
        JsonObject inner => inner.Select(entry => entry.Value),
        JsonArray inner => inner,
        _ => [],
    }).OfType<JsonNode>().SelectMany(child => Descendants(child).Prepend(child));

    private static void Change(JsonNode node, JsonNode other, Random random)
    {
        JsonNode? value = random.Next(4) switch
        {
            0 => other.DeepClone(),
            1 when node is JsonValue number && number.TryGetValue(out int integer) => JsonValue.Create(integer + random.Next(-2, 3) * Math.Max(1, random.Next(2) * integer)),
            _ => JsonNode.Parse(Values[random.Next(Values.Length)]),
        };
        if (node.Parent is JsonArray list)
        {
            int at = list.IndexOf(node);
            list.RemoveAt(at);
            if (random.Next(4) > 0)
                list.Insert(at, value);
        }
        else if (node.Parent is JsonObject container)
        {
            string key = container.Single(entry => ReferenceEquals(entry.Value, node)).Key;
            container.Remove(key);
            if (random.Next(4) > 0)
                container[random.Next(4) == 0 ? key + "_" : key] = value;
        }
    }

    /// <summary>Changes that leave the bytes of the tensors in place: names exchanged, another type of the same width, another shape.</summary>
    private static byte[] OfEntries(byte[] header, Random random)
    {
        JsonObject root = JsonNode.Parse(header)!.AsObject();
        string[] names = [.. root.Select(entry => entry.Key).Where(name => name != "__metadata__")];
        (string name, string other) = (names[random.Next(names.Length)], names[random.Next(names.Length)]);
        JsonNode entry = root[name]!;
        JsonArray shape = entry["shape"]!.AsArray();
        switch (random.Next(4))
        {
            case 0:
                JsonNode[] both = [entry.DeepClone(), root[other]!.DeepClone()];
                (root[name], root[other]) = (both[1], name == other ? both[1].DeepClone() : both[0]);
                break;
            case 1:
                string[] wide = ["BF16", "F16", "I16", "U16"], narrow = ["F8_E4M3", "U8", "I8", "BOOL", "F8_E5M2", "F8_E8M0"];
                string[] same = wide.Contains(entry["dtype"]!.GetValue<string>()) ? wide : narrow;
                entry["dtype"] = same[random.Next(same.Length)];
                break;
            case 2:
                entry["shape"] = new JsonArray([.. shape.Reverse().Select(size => size!.DeepClone())]);
                break;
            default:
                entry["shape"] = random.Next(2) == 0
                    ? new JsonArray(shape.Aggregate(1L, (product, size) => product * size!.GetValue<long>()))
                    : new JsonArray([.. shape.Select(size => size!.DeepClone()), .. new JsonNode[] { 1 }]);
                break;
        }
        return JsonSerializer.SerializeToUtf8Bytes(root);
    }
}
