namespace SoftThinking.Cli;

/// <summary>Passes the events of a generation on.</summary>
internal static class RunReader
{
    /// <summary>Adds all events to the run, and shows each to the writers.</summary>
    public static async Task ReadAsync(this GenerationRun run, IAsyncEnumerable<GenerationEvent> events, IReadOnlyList<IRunWriter> writers)
    {
        run.Begin();
        await foreach (GenerationEvent next in events)
        {
            run.Add(next);
            foreach (IRunWriter writer in writers)
                writer.Add(run, next);
        }
    }
}
