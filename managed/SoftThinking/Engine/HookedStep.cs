using SoftThinking.Interop;
using SoftThinking.Interop.Cuda;
using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>A step with a hook on its logits: what the rows belong to, and how the hook ended.</summary>
internal sealed class HookedStep(LogitsHook hook, StepPlan plan, int vocabulary)
{
    private readonly List<SampleRun> _runs = SampledBy(plan);

    /// <summary>Generations whose rows the step has.</summary>
    public IEnumerable<Generation> Generations => _runs.Select(run => run.Generation).Distinct();

    /// <summary>What the hook threw, if anything.</summary>
    public Exception? Failure { get; private set; }

    public void Call(DeviceStream stream, nint logits)
    {
        // A hook on the CPU has no stream to submit to, so it finds the logits complete.
        if (stream.CudaStream == 0)
            stream.Synchronize();
        // A sample that decodes is a token further than what the host has read, if the step before is in flight.
        LogitsRow[] rows = [.. _runs.Select(run => new LogitsRow(run.Generation.Request, run.Index, run.Length - 1 - run.PromptLength))];
        try
        {
            hook(new StepLogits(stream, logits, vocabulary, rows));
        }
        catch (Exception error)
        {
            Failure = error;
        }
    }

    private static List<SampleRun> SampledBy(StepPlan plan)
    {
        List<SampleRun> runs = [];
        foreach (PlannedRows part in plan.Parts)
        {
            if (part.Samples)
                runs.Add((SampleRun)part.Sequence);
        }
        return runs;
    }
}
