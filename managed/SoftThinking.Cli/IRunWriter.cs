namespace SoftThinking.Cli;

/// <summary>One form of output of a run.</summary>
internal interface IRunWriter
{
    /// <summary>Called with each new step of a run.</summary>
    void Add(GenerationRun run, GenerationStep step);

    /// <summary>The run ended, by itself or not.</summary>
    void End(GenerationRun run);
}
