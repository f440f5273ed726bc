using SoftThinking.Templating;

namespace SoftThinking.Cli;

/// <summary>A checkpoint as `inspect` shows it, in whichever form.</summary>
/// <param name="Model">The model as the user named it.</param>
internal sealed record ModelFacts(string Model, ModelInspection Found, KvDtype KvDtype)
{
    /// <summary>Number of tokens of the text that ends a thought; soft thinking needs it to be one.</summary>
    public int ThinkEndTokens => Found.Tokenizer.Encode(new SamplingOptions().ThinkEnd, addSpecialTokens: false).Length;

    /// <summary>Whether the prompt that the template writes begins the thought; null where there is no template, or it
    /// refuses a conversation of one question.</summary>
    public bool? OpensThought { get; } = FindOpensThought(Found.Template);

    private static bool? FindOpensThought(ChatTemplate? template)
    {
        try
        {
            return template == null ? null : Prompt.FindOpenThought(template.Render([new("user", "Hello")])).Length > 0;
        }
        catch (TemplateException)
        {
            return null;
        }
    }
}
