using SoftThinking.Interop.Cuda;
using SoftThinking.Templating;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Turns prompts into tokens, and finds how they leave the thought.</summary>
/// <param name="model">What messages call the model.</param>
internal sealed class PromptEncoder(string model, Tokenizer tokenizer, Func<ChatTemplate?> template)
{
    /// <param name="markers">The markers of the request.</param>
    /// <exception cref="ModelFileException">The prompt needs a chat template and the model comes without one.</exception>
    /// <exception cref="TemplateException">The template fails.</exception>
    public EncodedPrompt Encode(Prompt prompt, ThinkingMarkers markers)
    {
        if (prompt is ChatPrompt chat)
            return EncodeChat(chat, markers);
        if (prompt is EmbeddingPrompt parts)
            return EncodeParts(parts, markers);
        IReadOnlyList<ConceptToken> tokens = prompt is TextPrompt text
            ? Plain(tokenizer.Encode(text.Text, text.AddSpecialTokens))
            : ((TokenPrompt)prompt).Tokens;
        return new(tokens, PromptEnd.OfTokens(tokens, markers, tokenizer), HasNoText(tokens), []);
    }

    /// <summary>The rows of an embedding are positions of token 0, whose place they take on the device.</summary>
    private EncodedPrompt EncodeParts(EmbeddingPrompt prompt, ThinkingMarkers markers)
    {
        List<ConceptToken> tokens = [];
        List<(int First, EmbeddingPart Part)> embeddings = [];
        int end = 0; // of the last embedding
        foreach (PromptPart part in prompt.Parts)
        {
            if (part is TokenPart plain)
            {
                tokens.AddRange(plain.Tokens);
                continue;
            }
            EmbeddingPart embedding = (EmbeddingPart)part;
            embeddings.Add((tokens.Count, embedding));
            tokens.AddRange(Enumerable.Repeat(default(ConceptToken), embedding.Rows));
            end = tokens.Count;
        }
        return new(tokens, PromptEnd.OfTokens(tokens[end..], markers, tokenizer), embeddings.Count == 0 && HasNoText(tokens), embeddings);
    }

    private EncodedPrompt EncodeChat(ChatPrompt chat, ThinkingMarkers markers)
    {
        ChatTemplate jinja = template() ?? throw new ModelFileException(model, "the model has no chat template; a text prompt (--raw on the command line) needs none");
        IReadOnlyList<ChatMessage> messages = jinja.Adapt(chat.Messages); // before marking: what is escaped in JSON text is not seen
        ReservedTexts? reserved = chat.AllowSpecialTokens ? null : new(tokenizer, markers, messages);
        if (reserved != null)
            messages = [.. messages.Select(reserved.Mark)];
        (string text, List<Range> literal) = Render(chat.AddGenerationPrompt);
        ConceptToken[] tokens = Plain(tokenizer.Encode(text, addSpecialTokens: false, literal));
        string addition = chat.AddGenerationPrompt ? Addition() : "";
        PromptEnd end = addition.Length > 0
            ? PromptEnd.OfText(addition, markers)
            : PromptEnd.OfTokens(tokens, markers, tokenizer);
        return new(tokens, end, chat.AddGenerationPrompt || HasNoText(tokens), []);

        (string Text, List<Range> Literal) Render(bool addGenerationPrompt)
        {
            string rendered = jinja.RenderAsIs(messages, addGenerationPrompt, chat.Tools, chat.TemplateVariables);
            return reserved == null ? (rendered, []) : reserved.Unmark(rendered);
        }

        // What the template adds for the answer: where the text goes on from the one without it.
        string Addition()
        {
            try
            {
                return text[text.AsSpan().CommonPrefixLength(Render(addGenerationPrompt: false).Text)..];
            }
            catch (TemplateException)
            {
                return ""; // some templates cannot do without
            }
        }
    }

    private bool HasNoText(IReadOnlyList<ConceptToken> tokens) =>
        tokens.All(token => tokenizer.IsSpecial(token.Token) || tokenizer.TokenBytes(token.Token).IsEmpty);

    private static ConceptToken[] Plain(int[] ids) => Array.ConvertAll(ids, id => new ConceptToken(id));
}
