using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace SoftThinking.Files;

/// <summary>A JSON object of a checkpoint's configuration whose values are read by key, with type and range checked.
/// A key whose value is null counts as absent, as the writers of these files mean it. Every error is a
/// <see cref="ModelFileException"/> that names the key.</summary>
internal sealed class JsonSettings
{
    private readonly string _file;
    private readonly string _prefix;
    private readonly JsonElement _object;

    private JsonSettings(string file, string prefix, JsonElement value)
    {
        _file = file;
        _prefix = prefix;
        _object = value;
    }

    /// <summary>Keys of the object with their values, nulls included.</summary>
    public JsonElement.ObjectEnumerator Entries => _object.EnumerateObject();

    /// <summary>Reads a file whose content is one JSON object.</summary>
    /// <exception cref="ModelFileException">The file does not exist, cannot be read, or is not a JSON object.</exception>
    public static JsonSettings Load(string file)
    {
        using JsonDocument document = JsonText.ParseFile(file);
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? new JsonSettings(file, "", document.RootElement.Clone())
            : throw new ModelFileException(file, $"the file must hold one JSON object, found {JsonText.Show(document.RootElement)}");
    }

    /// <summary>Reads a file that need not exist.</summary>
    /// <inheritdoc cref="Load" path="/exception"/>
    public static JsonSettings? LoadIfExists(string file) => Path.Exists(file) ? Load(file) : null;

    /// <summary>The error that key <paramref name="key"/> is unusable.</summary>
    public ModelFileException Refuse(string key, string problem) => new(_file, $"{_prefix}{key} {problem}");

    /// <summary>Name of a key as messages give it: with the objects that it is within.</summary>
    public string NameOf(string key) => _prefix + key;

    /// <summary>Whether the object has the key, be it with null.</summary>
    public bool Has(string key) => _object.TryGetProperty(key, out _);

    /// <summary>An integer from <paramref name="least"/> to <paramref name="most"/>.</summary>
    /// <param name="absent">What the absence of the key means; where null, the key must be there. The value null is an
    /// error in either case.</param>
    public int Integer(string key, int least, int most, int? absent = null) =>
        OptionalInteger(key, least, most) ?? (Has(key) ? null : absent) ?? throw Missing(key);

    /// <inheritdoc cref="Integer"/>
    public int? OptionalInteger(string key, int least, int most) =>
        Find(key) is JsonElement value ? ReadInteger(key, value, least, most) : null;

    /// <summary>A finite number, at least (or, where <paramref name="open"/>, above) <paramref name="least"/> and at
    /// most <paramref name="most"/>.</summary>
    /// <param name="absent">What the absence of the key means; where null, the key must be there. The value null is an
    /// error in either case.</param>
    public double Number(string key, double least, double most, bool open = false, double? absent = null) =>
        OptionalNumber(key, least, most, open) ?? (Has(key) ? null : absent) ?? throw Missing(key);

    /// <inheritdoc cref="Number"/>
    public double? OptionalNumber(string key, double least, double most, bool open = false)
    {
        if (Find(key) is not JsonElement value)
            return null;
        double number = PythonNumbers.ValueOf(value) ?? 0;
        if (number == 0 && (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out number)))
            throw Refuse(key, $"must be a number, found {JsonText.Show(value)}");
        // Written so that NaN and infinity fail too: the parser turns 1e999 into the latter.
        bool inside = (open ? number > least : number >= least) && number <= most && double.IsFinite(number);
        return inside
            ? number
            : throw Refuse(key, string.Create(CultureInfo.InvariantCulture,
                $"must be {(open ? "above" : "at least")} {least} and at most {most}, found {JsonText.Show(value)}"));
    }

    /// <summary>true or false.</summary>
    public bool? OptionalFlag(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        JsonElement value => throw Refuse(key, $"must be true or false, found {JsonText.Show(value)}"),
    };

    /// <summary>A string.</summary>
    public string? OptionalText(string key) => Find(key) is JsonElement value ? ReadText(key, value) : null;

    /// <summary>A string that two keys may hold, an older spelling and a newer one.</summary>
    /// <exception cref="ModelFileException">Both are there and differ.</exception>
    public string? OptionalTextOf(string newer, string older)
    {
        (string? first, string? second) = (OptionalText(newer), OptionalText(older));
        return first == null || second == null || first == second
            ? first ?? second
            : throw Refuse(newer, $"differs from {NameOf(older)}: {HostileText.Quote(first)} and {HostileText.Quote(second)}");
    }

    /// <summary>A list of strings.</summary>
    public ImmutableArray<string>? OptionalTexts(string key)
    {
        return Array(key) is JsonElement list ? [.. list.EnumerateArray().Select(text => ReadText(key, text))] : null;
    }

    /// <summary>A list of numbers above <paramref name="least"/> and up to <paramref name="most"/>.</summary>
    public ImmutableArray<double> Numbers(string key, double least, double most)
    {
        JsonElement list = Array(key) ?? throw Missing(key);
        return [.. list.EnumerateArray().Select(value =>
            value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number > least && number <= most
                ? number
                : throw Refuse(key, string.Create(CultureInfo.InvariantCulture, $"must hold numbers above {least} up to {most}, found {JsonText.Show(value)}")))];
    }

    /// <summary>A list of integers; null where absent.</summary>
    public ImmutableArray<int>? OptionalIntegers(string key, int least, int most) =>
        Array(key) is JsonElement list ? [.. list.EnumerateArray().Select(value => ReadInteger(key, value, least, most))] : null;

    /// <summary>An object within this one; its keys are reported as "key.inner".</summary>
    public JsonSettings? OptionalObject(string key) => Find(key) is JsonElement value ? Object(key, value) : null;

    /// <summary>The object that a value of this one must be.</summary>
    public JsonSettings Object(JsonProperty entry) => Object(HostileText.Quote(entry.Name), entry.Value);

    /// <inheritdoc cref="Object(JsonProperty)"/>
    public JsonSettings Object(string key, JsonElement value) => value.ValueKind == JsonValueKind.Object
        ? new JsonSettings(_file, $"{_prefix}{key}.", value)
        : throw Refuse(key, $"must be an object, found {JsonText.Show(value)}");

    /// <summary>Refuses keys of this object that no code reads, unless their value is null.</summary>
    public void RefuseOthers(string reason, params ReadOnlySpan<string> known)
    {
        foreach (JsonProperty entry in Entries)
        {
            if (entry.Value.ValueKind != JsonValueKind.Null && !known.Contains(entry.Name))
                throw Refuse(HostileText.Quote(entry.Name), reason);
        }
    }

    /// <summary>Token ids below <paramref name="vocabularySize"/>, given as one number or a list.</summary>
    public ImmutableArray<int>? OptionalIds(string key, int vocabularySize)
    {
        if (Find(key) is not JsonElement value)
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            return [ReadInteger(key, value, 0, vocabularySize - 1)];
        var ids = ImmutableArray.CreateBuilder<int>(value.GetArrayLength());
        foreach (JsonElement item in value.EnumerateArray())
            ids.Add(ReadInteger(key, item, 0, vocabularySize - 1));
        return ids.MoveToImmutable();
    }

    /// <summary>The string that <paramref name="value"/>, found under <paramref name="key"/>, must be.</summary>
    public string ReadText(string key, JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.String || PythonNumbers.NameOf(value) != null)
            throw Refuse(key, $"must be a string, found {JsonText.Show(value)}");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Refuse(key, "is not valid Unicode (half of a surrogate pair)");
        }
    }

    /// <summary>The value of a key; null where it is absent or null.</summary>
    public JsonElement? Find(string key) =>
        _object.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>The integer that <paramref name="value"/>, found under <paramref name="key"/>, must be.</summary>
    public int ReadInteger(string key, JsonElement value, int least, int most)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out long number))
            throw Refuse(key, $"must be an integer, found {JsonText.Show(value)}");
        return number >= least && number <= most
            ? (int)number
            : throw Refuse(key, $"must be from {least} to {most}, found {number}");
    }

    private JsonElement? Array(string key) => Find(key) is not JsonElement value || value.ValueKind == JsonValueKind.Array
        ? Find(key)
        : throw Refuse(key, $"must be a list, found {JsonText.Show(value)}");

    private ModelFileException Missing(string key) => Refuse(key, Has(key) ? "is null" : "is missing");
}
