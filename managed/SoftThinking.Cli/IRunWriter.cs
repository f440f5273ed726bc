namespace SoftThinking.Cli;

/// <summary>Writes a run in one output format.</summary>
internal interface IRunWriter
{
    /// <summary>Called with each event of a run, after it was added to the run.</summary>
    void Add(GenerationRun run, GenerationEvent next);

    /// <summary>Called when the run has ended for any reason.</summary>
    void End(GenerationRun run);
}
