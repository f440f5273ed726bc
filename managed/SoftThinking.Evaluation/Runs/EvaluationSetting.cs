using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;

namespace SoftThinking.Evaluation.Runs;

/// <summary>A way of thinking that is evaluated: a name, and how it samples.</summary>
/// <param name="Name">Name in files and reports: letters, digits, dots, dashes and underscores.</param>
/// <param name="Sampling">The sampling options; their seed is replaced by that of the run.</param>
public sealed record EvaluationSetting(string Name, SamplingOptions Sampling)
{
    /// <summary>Name and purpose of the settings that have a name.</summary>
    public static IReadOnlyList<(string Name, string Meaning)> Presets { get; } =
    [
        ("soft", "soft thinking with the cold stop"),
        ("soft-no-cold-stop", "soft thinking without the cold stop"),
        ("cot", "sampled chain of thought"),
        ("cot-cold-stop", "sampled chain of thought with the cold stop"),
        ("greedy", "greedy chain of thought"),
        .. Strategies.Select(strategy => (strategy.Name, $"the thinking strategy {strategy.Name}")),
    ];

    /// <summary>Those besides the published mixture.</summary>
    private static IEnumerable<ThinkingStrategy> Strategies => ThinkingStrategy.Published.Where(strategy => strategy is not SoftStrategy);

    /// <summary>Name and value of every sampling option but the seed, as in JSON.</summary>
    public IReadOnlyDictionary<string, string> Options =>
        ToJson(Sampling with { Seed = null }).ToDictionary(option => option.Key, option => option.Value!.ToString());

    /// <summary>Sampling options as an object.</summary>
    internal static JsonObject ToJson(SamplingOptions sampling)
    {
        using MemoryStream bytes = new();
        using (Utf8JsonWriter json = new(bytes))
        {
            json.WriteStartObject();
            SamplingJson.Write(json, sampling);
            json.WriteEndObject();
        }
        return JsonNode.Parse(bytes.ToArray())!.AsObject();
    }

    /// <summary>The setting of a name.</summary>
    /// <param name="name">One of <see cref="Presets"/>.</param>
    /// <param name="options">Where its values come from, but for those that the name says.</param>
    /// <returns>Null where the name is unknown.</returns>
    public static EvaluationSetting? Find(string name, SamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        // A cold stop that the options switch off is switched on with the published threshold.
        float certain = options.EarlyStoppingEntropyThreshold > 0
            ? options.EarlyStoppingEntropyThreshold
            : new SamplingOptions().EarlyStoppingEntropyThreshold;
        SoftStrategy soft = options.Strategy as SoftStrategy ?? new();
        SamplingOptions? sampling = name switch
        {
            "soft" => options with { SoftThinking = true, Strategy = soft, EarlyStoppingEntropyThreshold = certain },
            "soft-no-cold-stop" => options with { SoftThinking = true, Strategy = soft, EarlyStoppingEntropyThreshold = 0 },
            "cot" => options with { SoftThinking = false, EarlyStoppingEntropyThreshold = 0 },
            "cot-cold-stop" => options with { SoftThinking = false, EarlyStoppingEntropyThreshold = certain },
            "greedy" => options with
            {
                SoftThinking = false,
                EarlyStoppingEntropyThreshold = 0,
                AfterThinking = options.AfterThinking with { Temperature = 0 },
            },
            _ when Strategies.FirstOrDefault(strategy => strategy.Name == name) is ThinkingStrategy published => options with
            {
                SoftThinking = true,
                Strategy = options.Strategy.Name == name ? options.Strategy : published,
                EarlyStoppingEntropyThreshold = certain,
            },
            _ => null,
        };
        return sampling == null ? null : new EvaluationSetting(name, sampling);
    }
}
