using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Tokenization;

/// <summary>Reads values of a tokenizer.json or tekken.json. A missing value or one of another type is an error that names the file
/// and the place.</summary>
/// <param name="path">The file, as the user passed it.</param>
internal sealed class TokenizerJson(string path)
{
    /// <summary>Larger ids are refused as corrupt: they determine table sizes, and no real vocabulary is near this size.</summary>
    public const int LargestId = 10_000_000;

    public ModelFileException Invalid(string problem, Exception? inner = null) => new(path, problem, inner);

    /// <summary>The error that a string of the file has no UTF-16 form, which shows when it is read.</summary>
    public ModelFileException InvalidUnicode(InvalidOperationException error) =>
        Invalid("a string is not valid Unicode (half of a surrogate pair)", error);

    /// <summary>A member that is present and not null.</summary>
    public bool Has(JsonElement parent, string where, string name, out JsonElement value)
    {
        if (parent.ValueKind != JsonValueKind.Object)
            throw Invalid($"{where} is not an object");
        return parent.TryGetProperty(name, out value) && value.ValueKind != JsonValueKind.Null;
    }

    public JsonElement Member(JsonElement parent, string where, string name, JsonValueKind kind)
    {
        if (!Has(parent, where, name, out JsonElement value))
            throw Invalid($"{where} has no {HostileText.Quote(name)}");
        if (value.ValueKind != kind || PythonNumbers.NameOf(value) != null)
            throw Invalid($"{HostileText.Quote(name)} of {where} must be {Describe(kind)}, found {JsonText.Show(value)}");
        return value;
    }

    public string Text(JsonElement parent, string where, string name) =>
        Member(parent, where, name, JsonValueKind.String).GetString()!;

    public bool Flag(JsonElement parent, string where, string name, bool? absent = null)
    {
        if (!Has(parent, where, name, out JsonElement value))
            return absent ?? throw Invalid($"{where} has no {HostileText.Quote(name)}");
        return value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Invalid($"{HostileText.Quote(name)} of {where} is neither true nor false"),
        };
    }

    /// <summary>A number of something.</summary>
    public int Count(JsonElement parent, string where, string name)
    {
        JsonElement value = Member(parent, where, name, JsonValueKind.Number);
        return value.TryGetInt32(out int count) && count is >= 0 and <= LargestId
            ? count
            : throw Invalid($"{HostileText.Quote(name)} of {where} is not a whole number from 0 to {LargestId}");
    }

    /// <summary>A token id.</summary>
    public int Id(JsonElement value, string what)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out int id) || id is < 0 or > LargestId)
            throw Invalid($"the id of {what} is not a whole number from 0 to {LargestId}");
        return id;
    }

    private static string Describe(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        _ => "a number",
    };
}
