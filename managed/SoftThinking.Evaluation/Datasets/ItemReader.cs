using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Evaluation.Datasets;

/// <summary>Reads an item of a data set, with errors that name it and the key.</summary>
internal sealed class ItemReader
{
    private const string Answer = "final_answer";
    private readonly string _where;
    private readonly JsonObject _item;

    public ItemReader(string where, JsonElement item)
    {
        _where = where;
        if (item.ValueKind != JsonValueKind.Object)
            throw Error("the item must be an object");
        if (UntrustedJson.FindProblem(item) is string problem)
            throw Error(problem);
        _item = JsonObject.Create(item)!;
    }

    /// <summary>What the reference says about the kind of the item.</summary>
    public BenchmarkKind Kind()
    {
        if (Reference() is not JsonObject code)
            return _item["choices"] != null ? BenchmarkKind.Choice : BenchmarkKind.Math;
        if (code.ContainsKey("entry_point"))
            return BenchmarkKind.HumanEval;
        if (code.ContainsKey("test_list"))
            return BenchmarkKind.Mbpp;
        if (code.ContainsKey("question_id"))
            return BenchmarkKind.LiveCodeBench;
        throw Error($"\"{Answer}\" must be text, or an object with \"entry_point\", \"test_list\" or \"question_id\"");
    }

    public BenchmarkItem Read(int index, BenchmarkKind kind)
    {
        JsonNode reference = Reference();
        BenchmarkItem item = new()
        {
            Index = index,
            Question = Question(),
            Reference = reference,
            Choices = kind == BenchmarkKind.Choice ? Choices((string)reference!) : null,
            Groups = Texts("groups") ?? new Dictionary<string, string>(),
        };
        CheckCode(kind, item);
        return item;
    }

    private string Question()
    {
        if (_item["prompt"] is not JsonArray { Count: > 0 } prompt || prompt[0] is not JsonObject turn)
            throw Error("\"prompt\" must be an array whose first element is an object");
        return TextOf(turn, "value", "prompt[0].value");
    }

    private JsonNode Reference() => _item[Answer] switch
    {
        JsonObject code => code,
        JsonValue value when value.GetValueKind() == JsonValueKind.String => TextOf(_item, Answer, Answer),
        JsonValue value when value.GetValueKind() == JsonValueKind.Number => value.ToJsonString(),
        _ => throw Error($"\"{Answer}\" must be text or an object"),
    };

    private Dictionary<string, string> Choices(string letter)
    {
        Dictionary<string, string> choices = Texts("choices")!;
        for (int i = 0; i < choices.Count; i++)
        {
            string expected = ((char)('A' + i)).ToString();
            if (i >= 26 || !choices.ContainsKey(expected))
                throw Error($"\"choices\" must be named A, B, C, …; {expected} is missing");
        }
        if (!choices.ContainsKey(letter))
            throw Error($"\"{Answer}\" must be one of the letters of \"choices\"");
        return choices;
    }

    private void CheckCode(BenchmarkKind kind, BenchmarkItem item)
    {
        try
        {
            item.ToCodeTask(kind);
        }
        catch (FormatException error)
        {
            throw Error($"\"{Answer}\": {error.Message}");
        }
        if (kind != BenchmarkKind.LiveCodeBench)
            return;
        JsonObject code = item.Reference.AsObject();
        TextOf(code, "question_id", $"{Answer}.question_id");
        if (code["starter_code"] != null)
            TextOf(code, "starter_code", $"{Answer}.starter_code");
    }

    /// <returns>Null where the key is absent or null.</returns>
    private Dictionary<string, string>? Texts(string key)
    {
        JsonNode? node = _item[key];
        if (node == null)
            return null;
        JsonObject texts = node as JsonObject ?? throw Error($"\"{key}\" must be an object of texts");
        return texts.Select(pair => pair.Key).ToDictionary(name => name, name => TextOf(texts, name, $"{key}.{name}"));
    }

    private string TextOf(JsonObject parent, string key, string path) =>
        parent[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? value.GetValue<string>()
            : throw Error($"\"{path}\" must be text");

    private DatasetException Error(string problem) => new($"{_where}: {problem}");
}
