using System.Text.Json;

namespace SoftThinking.Json;

/// <summary>The early exits and their parameters. A parameter turns its exit on; the name of an exit turns it on with its defaults, or off.</summary>
internal static class ExitTable
{
    public static SamplingKey[] All { get; } = [.. Cusum(), .. DeepConf(), .. Eat(), .. Deer()];

    private static SamplingKey[] Cusum()
    {
        Exit<CusumExit> exit = new(o => o.Cusum, (o, exit) => o with { Cusum = exit }, () => new());
        return
        [
            exit.Switch("cusum", "End the thinking when its entropy has fallen for long enough."),
            exit.Real("cusum_threshold", "Sum that ends the thinking: above 0, at most 1000000 nats. [16]", e => e.Threshold, (e, v) => e with { Threshold = v }),
            exit.Real("cusum_drift", "Subtracted from the sum at each thought: 0 to 1000 nats. [0.05]", e => e.Drift, (e, v) => e with { Drift = v }),
            exit.Real("cusum_mu", "Mean entropy of thoughts, where there is no warm-up: 0 to 1000 nats. [0]", e => e.Mean, (e, v) => e with { Mean = v }),
            exit.Integer("cusum_warmup", "First thoughts that measure the mean: 0 (none) to 100000. [64]", e => e.Warmup, (e, v) => e with { Warmup = v }),
        ];
    }

    private static SamplingKey[] DeepConf()
    {
        Exit<DeepConfExit> exit = new(o => o.DeepConf, (o, exit) => o with { DeepConf = exit }, () => new());
        return
        [
            exit.Switch("deepconf", "End a sample whose confidence is low."),
            exit.Integer("deepconf_window", "Steps that the mean confidence is over: 1 to 65536. [2048]", e => e.Window, (e, v) => e with { Window = v }),
            exit.Real("deepconf_bar", "Mean confidence below which a sample ends: 0 to 1000 nats; by default from its first samples.",
                e => e.Bar, (e, v) => e with { Bar = v }),
            exit.Integer("deepconf_warmup", "First samples that set the bar: 1 to 256. [16]", e => e.Warmup, (e, v) => e with { Warmup = v }),
            exit.Real("deepconf_percentile", "Percentage of them that would pass the bar: 0 to 100. [90]",
                e => e.ConfidencePercentile, (e, v) => e with { ConfidencePercentile = v }),
        ];
    }

    private static SamplingKey[] Eat()
    {
        Exit<EatExit> exit = new(o => o.Eat, (o, exit) => o with { Eat = exit }, () => new());
        return
        [
            exit.Switch("eat", "End the thinking when the entropy of the answer that it would give has settled."),
            exit.Real("eat_delta", "Variance of the entropies that ends the thinking: above 0, at most 1000. [0.001]", e => e.Delta, (e, v) => e with { Delta = v }),
            exit.Real("eat_alpha", "Weight of the newest entropy: 0.0001 to 1. [0.2]", e => e.Alpha, (e, v) => e with { Alpha = v }),
            exit.Integer("eat_interval", "Thoughts between probes: 1 or more; 0: after empty lines. [0]", e => e.Interval, (e, v) => e with { Interval = v }),
            exit.Text("eat_probe_text", "Text of a probe after the end of the thought: at most 64 tokens.", e => e.ProbeText, (e, v) => e with { ProbeText = v }),
            exit.Integer("eat_min_probes", "Fewest probes: 1 or more; by default 4 / eat_alpha.", e => e.MinProbes, (e, v) => e with { MinProbes = v }),
        ];
    }

    private static SamplingKey[] Deer()
    {
        Exit<DeerExit> exit = new(o => o.Deer, (o, exit) => o with { Deer = exit }, () => new());
        return
        [
            exit.Switch("deer", "End the thinking where the model hesitates but is sure of the answer that it would give."),
            exit.Real("deer_threshold", "Confidence that ends the thinking: 0 to 1. [0.95]", e => e.Threshold, (e, v) => e with { Threshold = v }),
            exit.Of("deer_trigger_ids", "Ids of hesitation: an array of at most 1024; by default \"Wait\" in its spellings.",
                SamplingTable.ReadIds, SamplingTable.WriteIds, e => e.TriggerIds, (e, v) => e with { TriggerIds = v }),
            exit.Integer("deer_max_probes", "Most probes: 1 or more. [10]", e => e.MaxProbes, (e, v) => e with { MaxProbes = v }),
            exit.Text("deer_probe_text", "Text of a probe: at most 64 tokens.", e => e.ProbeText, (e, v) => e with { ProbeText = v }),
            exit.Integer("deer_probe_tokens", "Most tokens of the answer to a probe: 1 to 64. [20]", e => e.ProbeTokens, (e, v) => e with { ProbeTokens = v }),
            exit.Flag("deer_arithmetic_mean", "Whether the confidence is the arithmetic mean, not the geometric one.",
                e => e.ArithmeticMean, (e, v) => e with { ArithmeticMean = v }),
            exit.Flag("deer_require_end", "Whether the answer to a probe must end the thought. [true]", e => e.RequireEnd, (e, v) => e with { RequireEnd = v }),
            exit.Text("deer_exit_text", "Text before the end of the thought: at most 64 tokens.", e => e.ExitText, (e, v) => e with { ExitText = v }),
        ];
    }

    /// <summary>The property of an exit, which is null while the exit is off.</summary>
    private sealed record Exit<TExit>(Func<SamplingOptions, TExit?> Get, Func<SamplingOptions, TExit?, SamplingOptions> Set, Func<TExit> Make)
        where TExit : class
    {
        public SamplingKey<bool> Switch(string name, string description) => new(SamplingSection.EarlyExits, name, description,
            o => Get(o) != null ? true : null, (o, on) => Set(o, on ? Get(o) ?? Make() : null), field => field.Flag(), (json, on) => json.WriteBooleanValue(on));

        public SamplingKey<T> Of<T>(string name, string description, Func<JsonField, T> read, Action<Utf8JsonWriter, T> write, Func<TExit, object?> get,
            Func<TExit, T, TExit> set)
            where T : notnull => new(SamplingSection.EarlyExits, name, description,
                o => Get(o) is TExit exit ? get(exit) : null, (o, value) => Set(o, set(Get(o) ?? Make(), value)), read, write);

        public SamplingKey<float> Real(string name, string description, Func<TExit, object?> get, Func<TExit, float, TExit> set) =>
            Of(name, description, field => field.Number<float>(), (json, value) => json.WriteNumberValue(value), get, set);

        public SamplingKey<int> Integer(string name, string description, Func<TExit, object?> get, Func<TExit, int, TExit> set) =>
            Of(name, description, field => field.Number<int>(), (json, value) => json.WriteNumberValue(value), get, set);

        public SamplingKey<bool> Flag(string name, string description, Func<TExit, object?> get, Func<TExit, bool, TExit> set) =>
            Of(name, description, field => field.Flag(), (json, value) => json.WriteBooleanValue(value), get, set);

        public SamplingKey<string> Text(string name, string description, Func<TExit, object?> get, Func<TExit, string, TExit> set) =>
            Of(name, description, field => field.Text(), (json, value) => json.WriteStringValue(value), get, set);
    }
}
