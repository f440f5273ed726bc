using System.Diagnostics;
using SoftThinking.Execution;
using SoftThinking.Interop;
using SoftThinking.Scheduling;

namespace SoftThinking;

/// <summary>What the host does with the results of a step.</summary>
internal sealed partial class EngineLoop
{
    /// <summary>Waits for the oldest launched step and records its tokens.</summary>
    private void Read()
    {
        Step step = _model.Steps[_read++ % 2];
        step.Done.Synchronize();
        step.Scores.Drain();
        if (step.Times is StreamTimes times)
            _model.Profiler.Add(step.Plan.Decodes, step.Plan.Rows, times);
        long now = Stopwatch.GetTimestamp();
        int sample = 0, probe = 0;
        foreach (PlannedRows part in step.Plan.Parts)
        {
            SampleRun run = (SampleRun)part.Sequence;
            _scheduler.StepRead(part);
            if (part.Probes)
                ReadProbe(run, part.Probe!, step.ProbeAt(probe++), now);
            else if (part.Samples)
                ReadSample(run, step[sample++], now);
            else if (part.Scored > 0 && run.Stage != SequenceStage.Ended)
                RecordScores(run, part);
        }
        SignalLeaving();
        AllocatedBytes = GC.GetAllocatedBytesForCurrentThread();
    }

    private void ReadSample(SampleRun run, SampledRow row, long now)
    {
        if (run.Stage == SequenceStage.Ended)
            return; // it ended while this step was under way
        if ((row.Flags & StepFlags.BadLogits) != 0) // HasFlag would allocate until the method is optimised
        {
            FailLogits(run);
            return;
        }
        if ((row.Flags & StepFlags.Waiting) != 0)
            return; // planned before the host knew of the probe
        if ((row.Flags & StepFlags.AwaitsDeer) != 0)
        {
            run.Held = new HeldRow(row);
            _scheduler.Await(run, ProbeKind.Deer, run.Setup.Probes.Deer);
            return;
        }
        Record(run, row, now);
        AwaitEat(run, row.Flags);
    }

    private void ReadProbe(SampleRun run, Probe probe, ProbeInfo info, long now)
    {
        if (run.Stage == SequenceStage.Ended || run.Probe != probe)
            return; // planned before the host knew that the sample, or the probe, was at its end
        if ((info.Flags & StepFlags.BadLogits) != 0)
        {
            FailLogits(run);
            return;
        }
        if (info.Done == 0)
        {
            probe.Answer(info.Token);
            return;
        }
        run.Probe = null;
        if (run.Held is not HeldRow held)
            return;
        run.Held = null;
        SampledRow row = (info.Flags & StepFlags.Deer) != 0 ? held.Replaced(info.Emitted, info.Flags) : held.AsSampled();
        Record(run, row, now);
        AwaitEat(run, row.Flags);
    }

    private void AwaitEat(SampleRun run, StepFlags flags)
    {
        if ((flags & StepFlags.AwaitsEat) != 0 && run.Stage != SequenceStage.Ended)
            _scheduler.Await(run, ProbeKind.Eat, run.Setup.Probes.Eat);
    }

    private void FailLogits(SampleRun run) =>
        Fail(run.Generation, new GenerationException($"token {run.Generated}: the model's logits contain NaN or infinity, or no finite value"));

    private void Record(SampleRun run, SampledRow row, long now)
    {
        string? stopString = run.MatchStop(row);
        bool endsText = EndsText(run.Generation.Request, row.Token);
        FinishReason? finish =
            (row.Flags & (StepFlags.LowConfidence | StepFlags.AnswerSpent)) == StepFlags.LowConfidence ? FinishReason.LowConfidence
            : (row.Flags & StepFlags.LowConfidence) == 0 && (endsText || stopString != null) ? FinishReason.Stop
            : (row.Flags & StepFlags.AnswerSpent) != 0 ? FinishReason.Length
            : (row.Flags & StepFlags.Finished) != 0 ? FinishReason.ColdStop
            : run.Tokens.Count + 1 == run.MaxLength ? FinishReason.Length
            : null;
        StopMatch? stop = finish != FinishReason.Stop ? null : endsText ? new(null, row.Token) : stopString != null ? new(stopString, null) : null;
        _metrics.Token(run, row, finish, now);
        run.Record(row, finish, stop);
        if (finish is FinishReason reason)
        {
            EngineLog.Finished(_logger, run.Index, run.Generated, reason);
            End(run);
        }
        run.Generation.SignalToken();
    }

    /// <summary>Positions of a recorded sequence were scored.</summary>
    private void RecordScores(SampleRun run, PlannedRows part)
    {
        ScoreTargets targets = run.Targets!;
        int end = part.First + part.Count;
        for (int position = end - part.Scored; position < end; position++)
        {
            int step = targets.StepAt(position);
            if (!float.IsNaN(targets.LogP1Of(step)[0]))
                continue;
            Fail(run.Generation, new GenerationException($"recorded token {step}: the model's logits contain NaN or infinity, or no finite value"));
            return;
        }
        if (end < run.Length)
            return;
        targets.Complete = true;
        _metrics.Scored();
        EngineLog.Scored(_logger, targets.Steps);
        End(run);
    }

    private bool EndsText(GenerationRequest request, int id)
    {
        if (!request.IgnoreEndOfText && _eosIds.AsSpan().Contains(id))
            return true;
        for (int i = 0; i < request.StopIds.Count; i++)
        {
            if (request.StopIds[i] == id)
                return true;
        }
        return false;
    }
}
