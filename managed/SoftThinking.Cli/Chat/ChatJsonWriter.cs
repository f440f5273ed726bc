namespace SoftThinking.Cli;

/// <summary>Prints an answer of a conversation as one JSON object when it has ended.</summary>
internal sealed class ChatJsonWriter(TextWriter output) : IRunWriter
{
    public void Add(GenerationRun run, GenerationEvent next)
    {
    }

    public void End(GenerationRun run) => JsonLine.Write(output, json =>
    {
        if (run.CachedTokens is int cached)
            json.WriteNumber("cached_tokens", cached);
        JsonRunWriter.Write(json, run);
    });
}
