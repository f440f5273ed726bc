using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SoftThinking.Server.Tests.Hosting;

namespace SoftThinking.Server.Tests.Hostile;

/// <summary>Makes bad requests from the OpenAPI document of a server: from its schemas, and by mutating its examples.</summary>
internal sealed partial class BadRequests
{
    private static readonly string[] WrongTypes =
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonp", "text/json", "application/octet-stream"];

    /// <summary>Values of every type, and some of none.</summary>
    private static readonly string[] Values =
    [
        "null", "true", "false", "\"\"", "\"text\"", "\"\\u0000\"", "\"\\ud800\"", "[]", "[null]", "[[]]", "{}", "{\"\": 0}", "{\"type\": []}", "-1",
        "0", "1", "0.5", "-0.0", "1e400", "-1e400", "1e-400", "[\"\\ud800\"]", "{\"\\ud800\": 1}", "{\"type\": \"\\ud800\"}",
        "{\"include_usage\": 1}", "[{\"role\": \"user\", \"content\": \"\\ud800\"}]",
        "[{\"role\": \"user\", \"content\": [{\"type\": \"\\ud800\"}]}]", "[{\"type\": \"function\", \"function\": {\"name\": \"\\ud800\"}}]",
        "[{\"role\": \"tool\", \"content\": \"\", \"tool_calls\": [0]}]", "[{\"type\": \"\\ud800\"}]", "2147483648", "-2147483649",
        "18446744073709551616", "123456789012345678901234567890", "NaN", "Infinity", "-Infinity", "[1e999]", "[{\"role\": 1}]", "[\"a\", 1]",
    ];

    private readonly Random _random;
    private readonly int _limit;
    private readonly Operation[] _operations;
    private readonly Func<BadRequest>[] _kinds;

    /// <param name="document">The document.</param>
    /// <param name="bodyLimit">Most bytes of a body.</param>
    /// <param name="seed">The same seed makes the same requests.</param>
    public BadRequests(JsonElement document, int bodyLimit, int seed)
    {
        (_random, _limit) = (new Random(seed), bodyLimit);
        _operations = [.. document.GetProperty("paths").EnumerateObject()
            .Where(path => path.Value.TryGetProperty("post", out JsonElement post) && post.TryGetProperty("requestBody", out _))
            .Select(path => Operation.Of(document, path.Name, path.Value.GetProperty("post").GetProperty("requestBody")))];
        // Most of them change single fields and bytes.
        _kinds = [WrongValue, WrongValue, WrongValue, OutOfRange, OutOfRange, Mutated, Mutated, Mutated, Mutated,
            Missing, Nested, WrongType, Truncated, BrokenText, Twice, TooLarge, Long];
    }

    public IEnumerable<BadRequest> Make(int count)
    {
        for (int i = 0; i < count; i++)
            yield return Pick(_kinds)();
    }

    /// <summary>Each field with each value.</summary>
    public IEnumerable<BadRequest> MakeEveryValue() =>
        from operation in _operations
        from field in operation.Fields
        from value in Values
        select new BadRequest("every value", operation.Path, With(operation, field.Name, value));

    /// <summary>A field with a value that its schema does not allow.</summary>
    private BadRequest WrongValue()
    {
        (Operation operation, string field, JsonElement schema) = PickField();
        bool IsWrong(string value) => value is "NaN" or "Infinity" or "-Infinity" || value.Contains("\\ud800", StringComparison.Ordinal) || SchemaCheck.Problems(JsonElement.Parse(value), schema).Any();
        return new BadRequest("wrong value", operation.Path, With(operation, field, Pick([.. Values.Where(IsWrong)])));
    }

    /// <summary>A number beyond the limits of its schema, or of every number.</summary>
    private BadRequest OutOfRange()
    {
        (Operation operation, string field, JsonElement schema) = PickField();
        List<string> values = ["-1", "1e400", "1e-400", "4294967296", "-9223372036854775809", "NaN", "Infinity"];
        if (schema.TryGetProperty("minimum", out JsonElement least))
            values.Add((least.GetInt64() - 1).ToString());
        if (schema.TryGetProperty("maximum", out JsonElement most))
            values.Add((most.GetInt64() + 1).ToString());
        return new BadRequest("out of range", operation.Path, With(operation, field, Pick(values)));
    }

    private BadRequest Missing()
    {
        Operation[] demanding = [.. _operations.Where(operation => operation.Required.Length > 0)];
        Operation operation = Pick(demanding);
        JsonObject body = operation.Base(_random);
        body.Remove(Pick(operation.Required));
        return new BadRequest("missing", operation.Path, Bytes(body)) { Status = 400 };
    }

    private BadRequest Nested()
    {
        (Operation operation, string field, _) = PickField();
        int depth = _random.Next(100, _limit / 16);
        (string open, string close) = Pick<(string, string)>([("[", "]"), ("{\"a\":", "}"), ("[{\"b\":", "}]")]);
        string inner = string.Concat(Enumerable.Repeat(open, depth)) + "1" + string.Concat(Enumerable.Repeat(close, depth));
        return new BadRequest("nested", operation.Path, With(operation, field, inner)) { Status = 400 };
    }

    private BadRequest WrongType()
    {
        Operation operation = Pick(_operations);
        string? type = Pick<string?>([.. WrongTypes, null]);
        return new BadRequest("content type", operation.Path, Bytes(operation.Base(_random))) { ContentType = type, Status = 415 };
    }

    private BadRequest Truncated()
    {
        Operation operation = Pick(_operations);
        byte[] body = Bytes(operation.Base(_random));
        return new BadRequest("truncated", operation.Path, body[.._random.Next(body.Length)]) { Status = 400 };
    }

    /// <summary>Bytes that are not UTF-8, in a text.</summary>
    private BadRequest BrokenText()
    {
        Operation operation = Pick(_operations);
        byte[] body = Encoding.UTF8.GetBytes("{\"note\": \"??\", " + operation.Base(_random).ToJsonString()[1..]);
        Pick<byte[]>([[0xFF, 0xFE], [0xC0, 0x80], [0xED, 0xA0], [0xE2, 0x82], [0x80, 0x80]]).CopyTo(body, "{\"note\": \"".Length);
        return new BadRequest("not UTF-8", operation.Path, body) { Status = 400 };
    }

    private BadRequest Twice()
    {
        Operation operation = Pick(_operations);
        JsonObject body = operation.Base(_random);
        string field = Pick([.. body.Select(property => property.Key)]);
        string again = body.ToJsonString()[..^1] + $", \"{field}\": {body[field]?.ToJsonString() ?? "null"}}}";
        return new BadRequest("twice", operation.Path, Encoding.UTF8.GetBytes(again)) { Status = 400 };
    }

    private BadRequest TooLarge()
    {
        Operation operation = Pick(_operations);
        string text = operation.Base(_random).ToJsonString() + new string(' ', _limit);
        return new BadRequest("too large", operation.Path, Encoding.UTF8.GetBytes(text)) { Status = 413, Chunked = _random.Next(2) == 0 };
    }

    /// <summary>An array, or a text, as long as a body may be.</summary>
    private BadRequest Long()
    {
        (Operation operation, string field, _) = PickField();
        string item = Pick<string>(["1", "\"a\"", "{}", "{\"role\":\"user\",\"content\":\"a\"}", "[]"]);
        string value = _random.Next(2) == 0
            ? $"\"{new string('7', _limit / 2)}\""
            : $"[{string.Join(',', Enumerable.Repeat(item, _limit / 2 / (item.Length + 1)))}]";
        return new BadRequest("long", operation.Path, With(operation, field, value));
    }

    /// <summary>An example with some bytes changed, left out, or repeated.</summary>
    private BadRequest Mutated()
    {
        Operation operation = Pick(_operations);
        List<byte> body = [.. Bytes(operation.Base(_random))];
        for (int changes = _random.Next(1, 5); changes > 0 && body.Count > 0; changes--)
        {
            int place = _random.Next(body.Count);
            switch (_random.Next(5))
            {
                case 0:
                    body[place] ^= (byte)(1 << _random.Next(8));
                    break;
                case 1:
                    body[place] = (byte)Pick("{}[]\",:0-.eE\\ntu\0"u8.ToArray());
                    break;
                case 2:
                    body.RemoveRange(place, Math.Min(_random.Next(1, 9), body.Count - place));
                    break;
                case 3:
                    body.InsertRange(place, body.GetRange(place, Math.Min(_random.Next(1, 17), body.Count - place)));
                    break;
                default:
                    body.Insert(place, (byte)_random.Next(256));
                    break;
            }
        }
        return new BadRequest("mutated", operation.Path, [.. body]);
    }

    private T Pick<T>(IReadOnlyList<T> from) => from[_random.Next(from.Count)];

    private (Operation Operation, string Field, JsonElement Schema) PickField()
    {
        Operation operation = Pick(_operations);
        JsonProperty field = Pick(operation.Fields);
        return (operation, field.Name, field.Value);
    }

    private byte[] With(Operation operation, string field, string value)
    {
        JsonObject body = operation.Base(_random);
        body.Remove(field);
        string text = body.ToJsonString();
        return Encoding.UTF8.GetBytes($"{text[..^1]}{(body.Count > 0 ? "," : "")}{JsonSerializer.Serialize(field)}: {value}}}");
    }

    private static byte[] Bytes(JsonObject body) => Encoding.UTF8.GetBytes(body.ToJsonString());

    [GeneratedRegex("^max_.*tokens$")]
    private static partial Regex TokenLimit();

    /// <summary>An operation that takes a body.</summary>
    private sealed record Operation(string Path, JsonProperty[] Fields, string[] Required, JsonElement[] Examples)
    {
        public static Operation Of(JsonElement document, string path, JsonElement body)
        {
            JsonElement schema = SchemaCheck.SchemaOf(document, body);
            return new Operation(
                path,
                [.. schema.GetProperty("properties").EnumerateObject()],
                schema.TryGetProperty("required", out JsonElement required) ? [.. required.EnumerateArray().Select(name => name.GetString()!)] : [],
                [.. body.GetProperty("content").GetProperty("application/json").GetProperty("examples").EnumerateObject()
                    .Select(example => example.Value.GetProperty("value"))]);
        }

        /// <summary>A valid body, whose generation is short.</summary>
        public JsonObject Base(Random random)
        {
            JsonObject body = JsonNode.Parse(Examples[random.Next(Examples.Length)].GetRawText())!.AsObject();
            Shorten(body);
            return body;
        }

        private static void Shorten(JsonNode? node)
        {
            if (node is not JsonObject fields)
                return;
            foreach (string name in fields.Select(field => field.Key).ToArray())
            {
                if (TokenLimit().IsMatch(name))
                    fields[name] = 2;
                Shorten(fields[name]);
            }
        }
    }
}
