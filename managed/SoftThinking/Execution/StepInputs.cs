using SoftThinking.Cache;
using SoftThinking.Models;
using SoftThinking.Scheduling;
using SoftThinking.Thinking;

namespace SoftThinking.Execution;

/// <summary>The used sizes of a step's arrays.</summary>
/// <param name="Uploaded">Concept tokens that the host uploads.</param>
/// <param name="Sampled">Rows that are sampled.</param>
/// <param name="Probes">Rows that are the last ones of probes.</param>
/// <param name="Penalizes">Whether any of them has penalties.</param>
/// <param name="ReportsLogProbs">Whether any of them reports log-probabilities.</param>
/// <param name="Records">Whether any of them is recorded.</param>
internal readonly record struct StepShape(
    int Rows, int Sequences, int Uploaded, int Sampled, int Probes, bool Penalizes, bool ReportsLogProbs, bool Records)
{
    /// <summary>Rows whose logits are scored.</summary>
    public int Scored { get; init; }

    /// <summary>Entries of block tables that change before the step.</summary>
    public int TableEntries { get; init; }
}

/// <summary>Fills the arrays that the device reads from a plan.</summary>
internal static class StepInputs
{
    /// <param name="padded">Whether to pad to a size that has a graph; every sequence then has one row.</param>
    public static StepShape Fill(Step step, RunnerLimits limits, bool padded)
    {
        StepPlan plan = step.Plan;
        InputArrays inputs = step.Inputs.Arrays;
        StepShape shape = new() { Sequences = plan.Parts.Length };
        inputs.FirstRow[0] = 0;
        step.Embeddings.Clear();
        step.Scores.Rows.Clear();
        for (int i = 0; i < plan.Parts.Length; i++)
        {
            PlannedRows part = plan.Parts[i];
            AddEmbeddings(part, shape.Rows, step.Embeddings);
            shape = FillRows(part, step.Inputs, limits, FillTable(part, step.Inputs, limits, shape));
            inputs.FirstRow[i + 1] = shape.Rows;
            inputs.TableOf[i] = part.Sequence.Slot;
            if (part.Samples)
                shape = FillSampled(part.Sequence, inputs, shape);
            if (part.Scored > 0)
                shape = FillScored(part, step, shape);
        }
        if (plan.Probes > 0)
            shape = FillProbes(plan, inputs, shape);
        return padded ? Pad(inputs, shape, StepGraphs.PaddedRows(shape.Rows, limits.Slots)) : shape;
    }

    /// <summary>Adds idle rows, each a sequence of its own.</summary>
    private static StepShape Pad(InputArrays inputs, StepShape shape, int rows)
    {
        for (int row = shape.Rows; row < rows; row++)
        {
            inputs.Positions[row] = -1;
            inputs.TokenIndex[row] = 0;
            inputs.FirstRow[row + 1] = row + 1;
            inputs.TableOf[row] = 0;
            inputs.LogitIndex[row] = row;
            inputs.Slots[row] = -1;
            inputs.PenalizedSlots[row] = -1;
            inputs.LogProbSlots[row] = -1;
        }
        return shape with { Rows = rows, Sequences = rows, Sampled = rows };
    }

    /// <summary>Lists the blocks that the device's tables of the sequence do not have yet.</summary>
    private static StepShape FillTable(PlannedRows part, HostInputs inputs, RunnerLimits limits, StepShape shape)
    {
        Sequence sequence = part.Sequence;
        int count = shape.TableEntries, used = KvCache.BlocksFor(part.First + part.Count);
        for (; sequence.TableBlocks < used; sequence.TableBlocks++)
        {
            for (int group = 0; group < sequence.Tables.Length; group++)
            {
                BlockTable table = sequence.Tables[group];
                long place = limits.TablePlace(group, sequence.Slot, sequence.TableBlocks);
                if (sequence.TableBlocks >= table.First) // no row reads the entries of absent blocks
                    inputs.TableEntries[count++] = new() { Place = place, Block = table[sequence.TableBlocks] };
            }
        }
        return shape with { TableEntries = count };
    }

    private static StepShape FillRows(PlannedRows part, HostInputs inputs, RunnerLimits limits, StepShape shape)
    {
        InputArrays arrays = inputs.Arrays;
        int uploaded = shape.Uploaded, entries = limits.Entries;
        for (int i = 0; i < part.Count; i++)
        {
            int row = shape.Rows + i, position = part.First + i;
            arrays.Positions[row] = position;
            if ((part.LastFromSlot && i == part.Count - 1) || part.IsAnswer(position))
            {
                arrays.TokenIndex[row] = part.Sequence.Slot + (part.Probe == null ? 0 : limits.Slots);
                continue;
            }
            arrays.TokenIndex[row] = 2 * limits.Slots + uploaded;
            Span<int> ids = inputs.TokenIds.Slice((long)uploaded * entries, entries);
            Span<float> weights = inputs.TokenWeights.Slice((long)uploaded * entries, entries);
            if (part.ProbeIdAt(position) is int id)
            {
                Pad([id], ids);
                Pad([1f], weights);
            }
            else
            {
                Pad(part.Sequence.Tokens.IdsAt(position), ids);
                Pad(part.Sequence.Tokens.WeightsAt(position), weights);
            }
            uploaded++;
        }
        return shape with { Rows = shape.Rows + part.Count, Uploaded = uploaded };
    }

    private static void AddEmbeddings(PlannedRows part, int row, List<InputRows> inputs)
    {
        foreach (EmbeddingSpan span in part.Sequence.Embeddings)
        {
            (int first, int count) = span.Within(part.First, part.Count);
            nint offset = (nint)(first - span.First) * span.Part.Width * span.Part.ElementBytes;
            if (count > 0)
                inputs.Add(new(row + first - part.First, count, span.Part.DevicePointer + offset, span.Part.Dtype));
        }
    }

    private static StepShape FillSampled(Sequence sequence, InputArrays inputs, StepShape shape)
    {
        SlotSetup setup = sequence.Setup;
        inputs.LogitIndex[shape.Sampled] = shape.Rows - 1;
        inputs.Slots[shape.Sampled] = sequence.Slot;
        inputs.PenalizedSlots[shape.Sampled] = setup.Penalizes ? sequence.Slot : -1;
        inputs.LogProbSlots[shape.Sampled] = setup.ReportsLogProbs ? sequence.Slot : -1;
        return shape with
        {
            Sampled = shape.Sampled + 1,
            Penalizes = shape.Penalizes || setup.Penalizes,
            ReportsLogProbs = shape.ReportsLogProbs || setup.ReportsLogProbs,
            Records = shape.Records || setup.Records,
        };
    }

    private static StepShape FillProbes(StepPlan plan, InputArrays inputs, StepShape shape)
    {
        for (int i = 0; i < plan.Parts.Length; i++)
        {
            PlannedRows part = plan.Parts[i];
            if (!part.Probes)
                continue;
            inputs.LogitIndex[shape.Sampled + shape.Probes] = inputs.FirstRow[i + 1] - 1;
            inputs.ProbeSlots[shape.Probes] = part.Sequence.Slot;
            inputs.ProbeKinds[shape.Probes] = (int)part.Probe!.Kind;
            shape = shape with { Probes = shape.Probes + 1 };
        }
        return shape;
    }

    private static StepShape FillScored(PlannedRows part, Step step, StepShape shape)
    {
        ScoreTargets targets = part.Sequence.Targets!;
        for (int i = part.Scored; i > 0; i--)
        {
            step.Inputs.Arrays.ScoredRows[shape.Scored + part.Scored - i] = shape.Rows - i;
            step.Scores.Rows.Add(new(targets, targets.StepAt(part.First + part.Count - i)));
        }
        return shape with { Scored = shape.Scored + part.Scored };
    }

    private static void Pad<T>(ReadOnlySpan<T> values, Span<T> entries) where T : unmanaged
    {
        values.CopyTo(entries);
        entries[values.Length..].Clear();
    }
}
