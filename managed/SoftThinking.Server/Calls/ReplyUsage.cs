namespace SoftThinking.Server.Calls;

/// <summary>Token counts of a reply. Samples of one request share its prompt, which counts once.</summary>
internal sealed class ReplyUsage
{
    public int PromptTokens { get; private set; }

    public int CachedTokens { get; private set; }

    public int CompletionTokens { get; private set; }

    public int ThinkingTokens { get; private set; }

    public int TotalTokens => PromptTokens + CompletionTokens;

    public void Add(ReplyEvent next)
    {
        if (next is not ReplyEnded { End: GenerationFinished end })
            return;
        if (end.Sample == 0)
            (PromptTokens, CachedTokens) = (PromptTokens + end.Usage.PromptTokens, CachedTokens + end.Usage.CachedTokens);
        CompletionTokens += end.Usage.CompletionTokens;
        ThinkingTokens += end.Usage.ThinkingTokens;
    }
}
