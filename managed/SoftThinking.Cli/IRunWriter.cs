namespace SoftThinking.Cli;

/// <summary>One form of output of a run.</summary>
internal interface IRunWriter
{
    /// <summary>Called with each event of a run, after the run has it.</summary>
    void Add(GenerationRun run, GenerationEvent next);

    /// <summary>The run ended, by itself or not.</summary>
    void End(GenerationRun run);
}
