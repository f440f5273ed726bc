using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;

namespace SoftThinking.Checkpoints;

/// <summary>A JSON object of a checkpoint's configuration whose values are read by key, with type and range checked.
/// A key whose value is null counts as absent, as the writers of these files mean it. Every error is a
/// <see cref="ModelFileException"/> that names the key.</summary>
internal sealed class JsonSettings
{
    /// <summary>Plain JSON without comments; a key that occurs twice is an error, since readers differ on which of the
    /// two they believe.</summary>
    public static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private const long LongestFile = 100_000_000;

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
    /// <exception cref="ModelFileException">The file is missing, unreadable, too long, or no JSON object.</exception>
    public static JsonSettings Load(string file)
    {
        try
        {
            if (new FileInfo(file) is { Exists: true, Length: > LongestFile } info)
                throw new ModelFileException(file, $"{info.Length} bytes are too many for a configuration file");
            ReadOnlyMemory<byte> text = File.ReadAllBytes(file);
            if (text.Span.StartsWith("\uFEFF"u8))
                text = text[3..];
            // The parser looks at the bytes of a string only when it is read, which would be too late to name the file.
            if (!Utf8.IsValid(text.Span))
                throw new ModelFileException(file, "the file is broken: it is not UTF-8");
            using JsonDocument document = JsonDocument.Parse(text, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new ModelFileException(file, "the file must hold one JSON object");
            return new JsonSettings(file, "", document.RootElement.Clone());
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelFileException(file, "the file does not exist", e);
        }
        // InvalidOperationException: a key that is no Unicode text (half a surrogate pair).
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFileException(file, $"the file is broken JSON: {e.Message}", e);
        }
        catch (Exception e) when (IsFileError(e))
        {
            throw new ModelFileException(file, $"the file cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Whether the error came from opening or reading a file: no permission, a folder in its place, a device
    /// without length, a name that the system does not allow.</summary>
    public static bool IsFileError(Exception e) =>
        e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException;

    /// <summary>The error that key <paramref name="key"/> is unusable.</summary>
    public ModelFileException Refuse(string key, string problem) => new(_file, $"{_prefix}{key} {problem}");

    /// <summary>An integer from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int Integer(string key, int least, int most) =>
        OptionalInteger(key, least, most) ?? throw Refuse(key, "is missing");

    /// <inheritdoc cref="Integer"/>
    public int? OptionalInteger(string key, int least, int most) =>
        Find(key) is JsonElement value ? ReadInteger(key, value, least, most) : null;

    /// <summary>A finite number, at least (or, where <paramref name="open"/>, above) <paramref name="least"/> and at
    /// most <paramref name="most"/>.</summary>
    public double Number(string key, double least, double most, bool open = false) =>
        OptionalNumber(key, least, most, open) ?? throw Refuse(key, "is missing");

    /// <inheritdoc cref="Number"/>
    public double? OptionalNumber(string key, double least, double most, bool open = false)
    {
        if (Find(key) is not JsonElement value)
            return null;
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetDouble(out double number))
            throw Refuse(key, $"must be a number, found {Show(value)}");
        // Written so that infinity fails too: the parser turns 1e999 into it.
        bool inside = (open ? number > least : number >= least) && number <= most && double.IsFinite(number);
        return inside
            ? number
            : throw Refuse(key, string.Create(CultureInfo.InvariantCulture,
                $"must be {(open ? "above" : "at least")} {least} and at most {most}, found {Show(value)}"));
    }

    /// <summary>true or false.</summary>
    public bool? OptionalFlag(string key) => Find(key) switch
    {
        null => null,
        { ValueKind: JsonValueKind.True } => true,
        { ValueKind: JsonValueKind.False } => false,
        JsonElement value => throw Refuse(key, $"must be true or false, found {Show(value)}"),
    };

    /// <summary>A string.</summary>
    public string? OptionalText(string key) => Find(key) is JsonElement value ? ReadText(key, value) : null;

    /// <summary>First of a list of strings; null also where the list is empty.</summary>
    public string? OptionalFirstText(string key)
    {
        if (Find(key) is not JsonElement value)
            return null;
        if (value.ValueKind != JsonValueKind.Array)
            throw Refuse(key, $"must be a list, found {Show(value)}");
        return value.GetArrayLength() > 0 ? ReadText(key, value[0]) : null;
    }

    /// <summary>An object within this one; its keys are reported as "key.inner".</summary>
    public JsonSettings? OptionalObject(string key)
    {
        if (Find(key) is not JsonElement value)
            return null;
        return value.ValueKind == JsonValueKind.Object
            ? new JsonSettings(_file, $"{_prefix}{key}.", value)
            : throw Refuse(key, $"must be an object, found {Show(value)}");
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
        if (value.ValueKind != JsonValueKind.String)
            throw Refuse(key, $"must be a string, found {Show(value)}");
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Refuse(key, "is no Unicode text");
        }
    }

    private JsonElement? Find(string key) =>
        _object.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private int ReadInteger(string key, JsonElement value, int least, int most)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt64(out long number))
            throw Refuse(key, $"must be an integer, found {Show(value)}");
        return number >= least && number <= most
            ? (int)number
            : throw Refuse(key, $"must be from {least} to {most}, found {number}");
    }

    private static string Show(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        _ => HostileText.Quote(value.GetRawText()),
    };
}
