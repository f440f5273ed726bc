using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Templating;
using SoftThinking.Tokenization;

namespace SoftThinking.Cli;

/// <summary>A prompt as the model gets it.</summary>
/// <param name="Tokens">Its tokens.</param>
/// <param name="OpenThought">The end of it that begins the thought, such as "&lt;think&gt;\n"; empty where it begins none.</param>
internal sealed record Prompt(IReadOnlyList<ConceptToken> Tokens, string OpenThought)
{
    private const string ThinkStart = "<think>";

    /// <summary>Puts a question into the form that a model was trained on; with <see cref="GenerateSettings.Raw"/> leaves
    /// it as it is.</summary>
    /// <exception cref="ModelFileException">The model has no chat template.</exception>
    /// <exception cref="TemplateException">The template refuses the conversation, or fails.</exception>
    public static Prompt Make(GenerateSettings settings, string question, Tokenizer tokenizer, ChatTemplate? template)
    {
        string text = settings.Raw ? question : Render(settings, question, template);
        int[] ids = tokenizer.Encode(text, addSpecialTokens: settings.Raw);
        return new Prompt([.. ids.Select(id => new ConceptToken(id))], FindOpenThought(text));
    }

    /// <summary>The end of a prompt that begins a thought; empty where there is none.</summary>
    public static string FindOpenThought(string prompt) =>
        prompt.AsSpan().TrimEnd().EndsWith(ThinkStart) ? prompt[prompt.LastIndexOf(ThinkStart, StringComparison.Ordinal)..] : "";

    private static string Render(GenerateSettings settings, string question, ChatTemplate? template)
    {
        if (template == null)
            throw new ModelFileException(settings.ModelName, "the model has no chat template; --raw passes the prompt to it as it is");
        return template.Render(
            Conversation(settings, question),
            tools: settings.Tools is JsonElement tools ? JsonNode.Parse(tools.GetRawText()) : null,
            variables: TemplateVariables.ToObject(settings.TemplateVars));
    }

    /// <summary>The turns: the messages of a line, or the question; before them the system text, unless the messages begin
    /// with one of their own.</summary>
    private static IEnumerable<ChatMessage> Conversation(GenerateSettings settings, string question)
    {
        IReadOnlyList<ChatMessage> messages = settings.Messages ?? [new ChatMessage("user", question)];
        return settings.System is string system && messages[0].Role is not ("system" or "developer")
            ? [new ChatMessage("system", system), .. messages]
            : messages;
    }
}
