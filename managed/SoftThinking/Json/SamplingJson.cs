using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>Sampling options as JSON, with the published names as keys.</summary>
public static class SamplingJson
{
    private static readonly Dictionary<string, SamplingKey> ByName = SamplingTable.All.ToDictionary(key => key.Name);

    /// <summary>All sampling options.</summary>
    public static IReadOnlyList<SamplingKey> Keys => SamplingTable.All;

    /// <summary>Reads options from an object. A key whose value is null counts as absent.</summary>
    /// <param name="value">The object.</param>
    /// <param name="defaults">The values of absent keys; null for those of a new <see cref="SamplingOptions"/>.</param>
    /// <exception cref="ArgumentException">The value is not an object; a key is unknown; or a value is of the wrong kind, or out of
    /// range. The message names the key.</exception>
    public static SamplingOptions Read(JsonElement value, SamplingOptions? defaults = null)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw new JsonField("the sampling options", value).Wrong("an object");
        SamplingOptions options = defaults ?? new SamplingOptions();
        foreach (JsonField field in InOrder(new JsonField("", value).Fields()))
        {
            SamplingKey key = Find(field.Key) ?? throw new ArgumentException($"unknown key \"{field.Key}\"");
            if (field.Value.ValueKind != JsonValueKind.Null)
                options = key.Read(field, options);
        }
        return options;
    }

    /// <summary>Writes all options as properties of the open object. Those without a value, such as a limit that is not set, are
    /// left out, so that <see cref="Read"/> without defaults returns exactly these options.</summary>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="InvalidOperationException">No object is open in the writer.</exception>
    public static void Write(Utf8JsonWriter json, SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(options);
        foreach (SamplingKey key in SamplingTable.All)
            key.Write(json, options);
    }

    /// <summary>The fields of an object of options in the order in which they are to be read: the strategy first, since it decides which
    /// parameters there are.</summary>
    /// <exception cref="ArgumentNullException">The fields are null.</exception>
    public static IEnumerable<JsonField> InOrder(IEnumerable<JsonField> fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return fields.OrderByDescending(field => field.Key == StrategyTable.Key);
    }

    /// <summary>The option of a name; null for an unknown one.</summary>
    internal static SamplingKey? Find(string name) => ByName.GetValueOrDefault(name);
}
