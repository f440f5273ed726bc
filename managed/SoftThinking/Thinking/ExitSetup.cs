using SoftThinking.Interop;

namespace SoftThinking.Thinking;

/// <summary>Early exits in the form that the device reads. Those that are off stay zero.</summary>
internal static class ExitSetup
{
    /// <param name="endIds">Ids that end the text.</param>
    public static void Apply(ref SlotSampling sampling, SamplingOptions options, IReadOnlyList<int> endIds)
    {
        if (options.Cusum is CusumExit cusum)
            sampling.Cusum = new SlotCusum { Mu = cusum.Mean, Warmup = cusum.Warmup, Drift = cusum.Drift, Threshold = cusum.Threshold };
        sampling.Deepconf.Eos = endIds.Count > 0 ? endIds[0] : -1;
        if (options.DeepConf is { Bar: float bar } deepconf)
            (sampling.Deepconf.Window, sampling.Deepconf.Bar) = (deepconf.Window, bar);
        if (options.Eat is EatExit eat)
        {
            sampling.Eat = new SlotEat
            {
                On = 1,
                Interval = eat.Interval,
                Alpha = eat.Alpha,
                Delta = eat.Delta,
                MinProbes = eat.MinProbes ?? (int)MathF.Ceiling(4 / eat.Alpha),
            };
        }
        if (options.Deer is DeerExit deer)
        {
            sampling.Deer = new SlotDeer
            {
                MaxProbes = deer.MaxProbes,
                Tokens = deer.ProbeTokens,
                Threshold = deer.Threshold,
                Arithmetic = deer.ArithmeticMean ? 1 : 0,
                RequireEnd = deer.RequireEnd ? 1 : 0,
            };
        }
    }
}
