using SoftThinking.Interop;
using SoftThinking.Models;

namespace SoftThinking.Execution;

/// <summary>Scores rows of a step after its forward pass, in tiles: the logits of as many rows as are sampled at once, then as many of their
/// ids as fit. Device memory depends neither on the rows nor on the ids.</summary>
/// <param name="logits">Where <paramref name="transformer"/> writes them.</param>
/// <param name="workspace">As sampling needs it.</param>
internal sealed class Scorer(
    DeviceStream stream, Transformer transformer, ScoreBuffers buffers, nint scoredRows, nint logits, nint workspace, int slots, int vocabulary)
{
    /// <param name="rows">Scored rows of the step, whose indices are in <see cref="InputArrays.ScoredRows"/>.</param>
    public void Launch(ScoreStage stage, int rows)
    {
        for (int first = 0; first < rows; first += slots)
        {
            int count = Math.Min(slots, rows - first);
            transformer.Head(stream, scoredRows + (nint)first * sizeof(int), count);
            if (stage.Rows.Count > 0)
                Score(stage, first, count);
        }
    }

    private void Score(ScoreStage stage, int first, int rows)
    {
        int ids = stage.MostIds(first, rows), most = ScoreStage.Capacity / rows;
        for (int id = 0; id < ids; id += most)
        {
            int width = Math.Min(most, ids - id);
            if (!stage.HasRoom(rows, width))
            {
                stream.Synchronize();
                stage.Drain();
            }
            Launch(stage, stage.Add(first, rows, id, width));
        }
    }

    private void Launch(ScoreStage stage, ScoreTile tile)
    {
        long ids = (long)tile.Rows * tile.Width;
        nint offset = (nint)tile.Place * sizeof(float), rowOffset = (nint)tile.RowPlace * sizeof(float);
        stream.Copy<float>(stage.Temperatures.Pointer + rowOffset, buffers.Temperatures, tile.Rows);
        stream.Copy<int>(stage.Counts.Pointer + rowOffset, buffers.Counts, tile.Rows);
        stream.Copy<int>(stage.Ids.Pointer + offset, buffers.Ids, ids);
        stream.Score(new()
        {
            Rows = tile.Rows,
            Vocabulary = vocabulary,
            Count = tile.Width,
            Logits = logits,
            Temperatures = buffers.Temperatures,
            Counts = buffers.Counts,
            Ids = buffers.Ids,
            LogP1 = buffers.LogP1,
            LogPt = buffers.LogPt,
            Workspace = workspace,
        });
        stream.Copy<float>(buffers.LogP1, stage.LogP1.Pointer + offset, ids);
        stream.Copy<float>(buffers.LogPt, stage.LogPt.Pointer + offset, ids);
    }
}
