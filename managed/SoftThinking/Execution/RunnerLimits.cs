namespace SoftThinking.Execution;

/// <summary>The sizes that a runner's buffers are allocated for.</summary>
/// <param name="Rows">Maximum rows of a step.</param>
/// <param name="Slots">Maximum number of concurrent sequences.</param>
/// <param name="Entries">Maximum entries of a concept token.</param>
/// <param name="BlocksPerSequence">Maximum KV blocks of a sequence in a group of layers.</param>
/// <param name="Groups">Groups of layers with block tables of their own.</param>
internal readonly record struct RunnerLimits(int Rows, int Slots, int Entries, int BlocksPerSequence, int Groups)
{
    /// <summary>Entries of all block tables: [groups, slots, blocks of a sequence].</summary>
    public long TablePlaces => (long)Groups * Slots * BlocksPerSequence;

    /// <summary>Index of an entry among them.</summary>
    public long TablePlace(int group, int slot, int block) => ((long)group * Slots + slot) * BlocksPerSequence + block;
}
