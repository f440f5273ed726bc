using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using SoftThinking.Checkpoints.Families;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads the rotary embedding's settings in config.json. transformers 5 renamed "rope_scaling" to
/// "rope_parameters" and moved other keys into it; published files have the keys in either place, or in both for
/// compatibility. If in both, they must agree.</summary>
internal static class RopeReader
{
    private const string Older = "rope_scaling", Newer = "rope_parameters";
    private const double Largest = 1e6;
    private const double FewestTurns = 1e-6; // in the original context: the pair must be a number
    private const int LongestContext = 1 << 28;

    /// <summary>The base, "rope_theta", which may be at the top level or in either object; null where absent.</summary>
    public static double? ReadTheta(JsonSettings json)
    {
        const double LargestTheta = 1e15;
        return Agreed(Places(json), "rope_theta", LargestTheta);
    }

    /// <summary>The part of a head that rotates, "partial_rotary_factor", which may be in the same places; 1 where absent.</summary>
    public static double ReadPart(JsonSettings json, ModelFamily family, int headDim)
    {
        const string Key = "partial_rotary_factor";
        double part = Agreed(Places(json), Key, 1) ?? 1;
        int rotated = (int)(headDim * part);
        if (part == 1 || (family.Defaults.RotatesParts && rotated >= 2 && rotated % 2 == 0))
            return part;
        JsonSettings place = Places(json).First(at => at.Has(Key));
        throw place.Refuse(Key, family.Defaults.RotatesParts
            ? string.Create(CultureInfo.InvariantCulture, $"is {part}: {rotated} of the {headDim} elements of a head would rotate; it must be an even number above 0")
            : $"is not 1; {family.ClassName} rotates whole heads");
    }

    /// <summary>The scaling of angles.</summary>
    /// <param name="rotated">Elements of a head that rotate.</param>
    public static RopeScaling ReadScaling(JsonSettings json, ModelFamily family, int maxPositions, int rotated)
    {
        RopeScaling? older = Object(json, Older) is JsonSettings inOlder ? Read(inOlder) : null;
        RopeScaling? newer = Object(json, Newer) is JsonSettings inNewer ? Read(inNewer) : null;
        if (older is not null && newer is not null && older != newer)
            throw json.Refuse(Older, $"differs from {Newer}");
        return older ?? newer ?? new UnscaledRope();

        RopeScaling Read(JsonSettings place) => RopeReader.Read(new Place(json, place, family, maxPositions, rotated));
    }

    /// <summary>The object with the settings of a scaling, and what they depend on.</summary>
    private readonly record struct Place(JsonSettings Top, JsonSettings Json, ModelFamily Family, int MaxPositions, int Rotated)
    {
        /// <summary>Length of the original context; some files have it at the top level.</summary>
        public int? Original()
        {
            const string Key = "original_max_position_embeddings";
            Agreed([Top, Json], Key, LongestContext);
            return Top.OptionalInteger(Key, 1, LongestContext) ?? Json.OptionalInteger(Key, 1, LongestContext) ?? Family.Defaults.OriginalMaxPositions;
        }
    }

    private static RopeScaling Read(Place place)
    {
        JsonSettings json = place.Json;
        foreach (JsonProperty entry in json.Entries)
        {
            if (entry.Value.ValueKind == JsonValueKind.Object)
            {
                throw json.Refuse(
                    HostileText.Quote(entry.Name), "gives parameters per type of layer, which is not supported");
            }
        }
        string type = json.OptionalTextOf("rope_type", "type") ?? "default";
        if (place.Family.IsLongRope(type))
            type = "longrope";
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
                return ReadLlama3(place);
            case "yarn":
                RefuseOthers(json, type, "attention_factor", "attn_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim", "truncate");
                return ReadYarn(place);
            case "longrope":
                RefuseOthers(json, type, "attention_factor", "short_factor", "long_factor");
                return ReadLongRope(place);
            default:
                string key = json.OptionalText("rope_type") == null ? "type" : "rope_type";
                throw json.Refuse(key, $"is {HostileText.Quote(type)}; supported are default, linear, llama3, yarn, longrope");
        }
    }

    private static YarnRopeScaling ReadYarn(Place place)
    {
        JsonSettings json = place.Json;
        int original = place.Original() ?? place.MaxPositions;
        double factor = json.OptionalNumber("factor", 1, Largest) ?? Math.Max((double)place.MaxPositions / original, 1);
        double fast = json.OptionalNumber("beta_fast", FewestTurns, Largest) ?? 32;
        double slow = json.OptionalNumber("beta_slow", FewestTurns, Largest) ?? 1;
        if ((ReadTheta(place.Top) ?? place.Family.Defaults.RopeTheta) <= 1)
            throw place.Top.Refuse("rope_theta", "must be above 1 for rope_type yarn, which divides by its logarithm");
        if (slow > fast)
            throw json.Refuse("beta_slow", string.Create(CultureInfo.InvariantCulture, $"is {slow}, above the {fast} of beta_fast"));
        return new YarnRopeScaling(factor, original, fast, slow, json.OptionalFlag("truncate") ?? true, ReadAttention(json, factor));
    }

    // attn_factor is not another spelling of attention_factor, but multiplies the recommended factor; files whose product is 1 show
    // that their authors meant this.
    private static double ReadAttention(JsonSettings json, double factor)
    {
        double? part = json.OptionalNumber("attn_factor", 0, Largest, open: true);
        if (json.OptionalNumber("attention_factor", 0, Largest, open: true) is double stated)
        {
            return part is null or 1
                ? stated
                : throw json.Refuse("attn_factor", "multiplies the default of attention_factor, which is given too");
        }
        double? scale = json.OptionalNumber("mscale", 0, Largest), all = json.OptionalNumber("mscale_all_dim", 0, Largest);
        double recommended = scale is > 0 && all is > 0
            ? YarnRopeScaling.Recommend(factor, scale.Value) / YarnRopeScaling.Recommend(factor, all.Value)
            : YarnRopeScaling.Recommend(factor);
        return recommended * (part ?? 1);
    }

    private static LongRopeScaling ReadLongRope(Place place)
    {
        JsonSettings json = place.Json;
        const string Original = "original_max_position_embeddings";
        int original = place.Original() ?? throw json.Refuse(Original, "is missing");
        if (original < 2)
            throw json.Refuse(Original, $"is {original}; rope_type longrope divides by its logarithm");
        double attention = json.OptionalNumber("attention_factor", 0, Largest, open: true) ?? LongRopeScaling.Recommend(place.MaxPositions, original);
        ImmutableArray<double> shorter = Factors("short_factor"), longer = Factors("long_factor");
        return new LongRopeScaling(shorter, longer, original, attention, IsLong: false);

        ImmutableArray<double> Factors(string key)
        {
            ImmutableArray<double> factors = json.Numbers(key, 0, Largest);
            return factors.Length == place.Rotated / 2
                ? factors
                : throw json.Refuse(key, $"has {factors.Length} numbers for the {place.Rotated / 2} pairs that rotate");
        }
    }

    private static Llama3RopeScaling ReadLlama3(Place place)
    {
        JsonSettings json = place.Json;
        double low = json.Number("low_freq_factor", 0, Largest, open: true);
        return new Llama3RopeScaling(
            json.Number("factor", 1, Largest),
            low,
            json.Number("high_freq_factor", low, Largest, open: true),
            place.Original() ?? json.Integer("original_max_position_embeddings", 1, LongestContext));
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
