using SoftThinking.Cache;
using SoftThinking.Scheduling;

namespace SoftThinking.Execution;

/// <summary>How much of a step's arrays is used.</summary>
/// <param name="BlocksPerSequence">Length of a block table: the longest of the step.</param>
/// <param name="Uploaded">Concept tokens that the host brings.</param>
/// <param name="Sampled">Rows that are sampled.</param>
/// <param name="Penalizes">Whether any of them has penalties.</param>
/// <param name="TellsLogProbs">Whether log-probabilities are wanted of any of them.</param>
internal readonly record struct StepShape(
    int Rows, int Sequences, int BlocksPerSequence, int Uploaded, int Sampled, bool Penalizes, bool TellsLogProbs);

/// <summary>Turns a plan into the arrays that the device reads.</summary>
internal static class StepInputs
{
    public static StepShape Fill(Step step, RunnerLimits limits)
    {
        StepPlan plan = step.Plan;
        HostInputs inputs = step.Inputs;
        int blocks = 1;
        foreach (PlannedRows part in plan.Parts)
            blocks = Math.Max(blocks, KvCache.BlocksFor(part.First + part.Count));
        StepShape shape = new() { Sequences = plan.Parts.Length, BlocksPerSequence = blocks };
        inputs.FirstRow.Span[0] = 0;
        for (int i = 0; i < plan.Parts.Length; i++)
        {
            PlannedRows part = plan.Parts[i];
            FillBlockTable(part, inputs.BlockTables.Span.Slice(i * blocks, blocks));
            shape = FillRows(part, inputs, limits, shape);
            inputs.FirstRow.Span[i + 1] = shape.Rows;
            if (part.Samples)
                shape = FillSampled(part.Sequence, inputs, shape);
        }
        return shape;
    }

    private static void FillBlockTable(PlannedRows part, Span<int> table)
    {
        int used = KvCache.BlocksFor(part.First + part.Count);
        for (int i = 0; i < table.Length; i++)
            table[i] = i < used ? part.Sequence.Blocks[i] : 0;
    }

    private static StepShape FillRows(PlannedRows part, HostInputs inputs, RunnerLimits limits, StepShape shape)
    {
        int uploaded = shape.Uploaded, entries = limits.Entries;
        for (int i = 0; i < part.Count; i++)
        {
            int row = shape.Rows + i, position = part.First + i;
            inputs.Positions.Span[row] = position;
            if (part.LastFromSlot && i == part.Count - 1)
            {
                inputs.TokenIndex.Span[row] = part.Sequence.Slot;
                continue;
            }
            inputs.TokenIndex.Span[row] = limits.Slots + uploaded;
            Pad(part.Sequence.Tokens.IdsOf(position), inputs.TokenIds.Span.Slice(uploaded * entries, entries));
            Pad(part.Sequence.Tokens.WeightsOf(position), inputs.TokenWeights.Span.Slice(uploaded * entries, entries));
            uploaded++;
        }
        return shape with { Rows = shape.Rows + part.Count, Uploaded = uploaded };
    }

    private static StepShape FillSampled(Sequence sequence, HostInputs inputs, StepShape shape)
    {
        SlotSetup setup = sequence.Setup;
        inputs.LogitIndex.Span[shape.Sampled] = shape.Rows - 1;
        inputs.Slots.Span[shape.Sampled] = sequence.Slot;
        inputs.PenalizedSlots.Span[shape.Sampled] = setup.Penalizes ? sequence.Slot : -1;
        inputs.LogProbSlots.Span[shape.Sampled] = setup.TellsLogProbs ? sequence.Slot : -1;
        return shape with
        {
            Sampled = shape.Sampled + 1,
            Penalizes = shape.Penalizes || setup.Penalizes,
            TellsLogProbs = shape.TellsLogProbs || setup.TellsLogProbs,
        };
    }

    private static void Pad<T>(ReadOnlySpan<T> values, Span<T> places) where T : unmanaged
    {
        values.CopyTo(places);
        places[values.Length..].Clear();
    }
}
