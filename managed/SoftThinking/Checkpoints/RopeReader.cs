using System.Globalization;
using System.Text.Json;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads the rotary embedding's settings in config.json. transformers 5 renamed "rope_scaling" to
/// "rope_parameters" and moved other keys into it; published files have the keys in either place, or in both for
/// compatibility. If in both, they must agree.</summary>
internal static class RopeReader
{
    private const string Older = "rope_scaling", Newer = "rope_parameters";
    private const double Largest = 1e6;

    /// <summary>The base, "rope_theta", which may be at the top level or in either object; null where absent.</summary>
    public static double? ReadTheta(JsonSettings json)
    {
        const double LargestTheta = 1e15;
        return Agreed(Places(json), "rope_theta", LargestTheta);
    }

    /// <summary>The scaling of angles.</summary>
    public static RopeScaling ReadScaling(JsonSettings json)
    {
        foreach (JsonSettings place in Places(json))
        {
            if (place.OptionalNumber("partial_rotary_factor", 0, 1) is double part && part != 1)
                throw place.Refuse("partial_rotary_factor", "is not 1; rotating only part of a head is not supported");
        }
        RopeScaling? older = Object(json, Older) is JsonSettings inOlder ? Read(json, inOlder) : null;
        RopeScaling? newer = Object(json, Newer) is JsonSettings inNewer ? Read(json, inNewer) : null;
        if (older is not null && newer is not null && older != newer)
            throw json.Refuse(Older, $"differs from {Newer}");
        return older ?? newer ?? new UnscaledRope();
    }

    private static RopeScaling Read(JsonSettings top, JsonSettings json)
    {
        foreach (JsonProperty entry in json.Entries)
        {
            if (entry.Value.ValueKind == JsonValueKind.Object)
            {
                throw json.Refuse(
                    HostileText.Quote(entry.Name), "gives parameters per type of layer, which is not supported");
            }
        }
        string type = json.OptionalTextOf("rope_type", "type") ?? "default";
        switch (type)
        {
            case "default":
                RefuseOthers(json, type);
                // Without a type, a factor would be ignored.
                return json.OptionalNumber("factor", 0, Largest) is null or 1
                    ? new UnscaledRope()
                    : throw json.Refuse("factor", "is given, but no rope_type that would use it");
            case "linear":
                RefuseOthers(json, type);
                return new LinearRopeScaling(json.Number("factor", 1, Largest));
            case "llama3":
                RefuseOthers(json, type, "low_freq_factor", "high_freq_factor");
                return ReadLlama3(top, json);
            default:
                string key = json.OptionalText("rope_type") == null ? "type" : "rope_type";
                throw json.Refuse(key, $"is {HostileText.Quote(type)}; supported are default, linear, llama3");
        }
    }

    private static Llama3RopeScaling ReadLlama3(JsonSettings top, JsonSettings json)
    {
        const int LongestContext = 1 << 28;
        const string Original = "original_max_position_embeddings";
        double low = json.Number("low_freq_factor", 0, Largest, open: true);
        Agreed([top, json], Original, LongestContext); // some files have it at the top level
        return new Llama3RopeScaling(
            json.Number("factor", 1, Largest),
            low,
            json.Number("high_freq_factor", low, Largest, open: true),
            top.OptionalInteger(Original, 1, LongestContext) ?? json.Integer(Original, 1, LongestContext));
    }

    // Keys that transformers reads for every type, or ignores although writers add them: the original context has no effect
    // without a scaling that uses it.
    private static void RefuseOthers(JsonSettings json, string type, params ReadOnlySpan<string> more) =>
        json.RefuseOthers($"is not known for rope_type {type}",
            ["rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "original_max_position_embeddings", .. more]);

    // An object without keys is equivalent to null.
    private static JsonSettings? Object(JsonSettings json, string key) =>
        json.OptionalObject(key) is JsonSettings found && found.Entries.Any() ? found : null;

    private static IEnumerable<JsonSettings> Places(JsonSettings json)
    {
        yield return json;
        if (Object(json, Older) is JsonSettings older)
            yield return older;
        if (Object(json, Newer) is JsonSettings newer)
            yield return newer;
    }

    /// <summary>A number above 0 that may be in several places, which must agree.</summary>
    private static double? Agreed(IEnumerable<JsonSettings> places, string key, double largest)
    {
        (string Name, double Value)? first = null;
        foreach (JsonSettings place in places)
        {
            if (place.OptionalNumber(key, 0, largest, open: true) is not double value)
                continue;
            if (first is var (name, known) && known != value)
                throw place.Refuse(key, string.Create(CultureInfo.InvariantCulture, $"differs from {name}: {value} and {known}"));
            first ??= (place.NameOf(key), value);
        }
        return first?.Value;
    }
}
