using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Templating;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Turns prompts into tokens, and finds how they leave the thought.</summary>
/// <param name="model">What messages call the model.</param>
internal sealed class PromptEncoder(string model, Tokenizer tokenizer, Func<ChatTemplate?> template)
{
    // Unicode's noncharacters U+FDD0 to U+FDEF: no text has a use for them.
    private const char FirstMark = '\uFDD0', LastMark = '\uFDEF';

    /// <param name="markers">The markers of the request.</param>
    /// <exception cref="ModelFileException">The prompt needs a chat template and the model comes without one.</exception>
    /// <exception cref="TemplateException">The template fails.</exception>
    public (IReadOnlyList<ConceptToken> Tokens, PromptEnd End) Encode(Prompt prompt, ThinkingMarkers markers)
    {
        if (prompt is ChatPrompt chat)
            return EncodeChat(chat, markers);
        IReadOnlyList<ConceptToken> tokens = prompt is TextPrompt text
            ? Plain(tokenizer.Encode(text.Text, text.AddSpecialTokens))
            : ((TokenPrompt)prompt).Tokens;
        return (tokens, PromptEnd.OfTokens(tokens, markers, tokenizer));
    }

    private (IReadOnlyList<ConceptToken> Tokens, PromptEnd End) EncodeChat(ChatPrompt chat, ThinkingMarkers markers)
    {
        ChatTemplate jinja = template() ?? throw new ModelFileException(model, "the model has no chat template; a text prompt (--raw on the command line) needs none");
        string[] reserved = chat.AllowSpecialTokens ? [] : ReservedTexts(markers);
        char mark = reserved.Length > 0 ? UnusedMark(chat.Messages) : default;
        ChatMessage[] messages = [.. chat.Messages.Select(message => message.Role == "assistant" ? message : Mark(message, reserved, mark))];
        (string text, List<Range> literal) = Unmark(Render(chat.AddGenerationPrompt), reserved, mark);
        ConceptToken[] tokens = Plain(tokenizer.Encode(text, addSpecialTokens: false, literal));
        string addition = chat.AddGenerationPrompt ? Addition(text) : "";
        PromptEnd end = addition.Length > 0
            ? PromptEnd.OfText(addition, markers)
            : PromptEnd.OfTokens(tokens, markers, tokenizer);
        return (tokens, end);

        string Render(bool addGenerationPrompt) => jinja.Render(messages, addGenerationPrompt, chat.Tools, chat.TemplateVariables);

        // What the template adds for the answer: where the text goes on from the one without.
        string Addition(string whole)
        {
            try
            {
                string without = Unmark(Render(addGenerationPrompt: false), reserved, mark).Text;
                return whole[whole.AsSpan().CommonPrefixLength(without)..];
            }
            catch (TemplateException)
            {
                return ""; // it cannot do without
            }
        }
    }

    private static ConceptToken[] Plain(int[] ids) => Array.ConvertAll(ids, id => new ConceptToken(id));

    /// <summary>Texts that mean something to the model beyond their characters, the longest first.</summary>
    private string[] ReservedTexts(ThinkingMarkers markers) =>
    [
        .. tokenizer.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Content)
            .Concat([markers.Start?.Text ?? "", markers.End?.Text ?? ""])
            .Where(text => text.Length > 0).Distinct().OrderByDescending(text => text.Length),
    ];

    private static char UnusedMark(IReadOnlyList<ChatMessage> messages)
    {
        for (char mark = FirstMark; mark <= LastMark; mark++)
        {
            if (!messages.Any(message => message.Content?.Contains(mark) == true || message.Extra?.GetRawText().Contains(mark) == true))
                return mark;
        }
        throw new ArgumentException("a message contains every noncharacter from U+FDD0 to U+FDEF");
    }

    /// <summary>A message in which a mark precedes every reserved text.</summary>
    private static ChatMessage Mark(ChatMessage message, string[] reserved, char mark)
    {
        if (reserved.Length == 0)
            return message;
        return message with
        {
            Content = message.Content is string content ? Mark(content, reserved, mark) : null,
            Extra = message.Extra is JsonElement extra ? JsonElement.Parse(MarkNode(JsonNode.Parse(extra.GetRawText()))?.ToJsonString() ?? "null") : null,
        };

        JsonNode? MarkNode(JsonNode? node) => node switch
        {
            JsonObject @object => new JsonObject(@object.Select(entry => KeyValuePair.Create(entry.Key, MarkNode(entry.Value)))),
            JsonArray array => new JsonArray([.. array.Select(MarkNode)]),
            JsonValue value when value.TryGetValue(out string? text) => JsonValue.Create(Mark(text, reserved, mark)),
            _ => node?.DeepClone(),
        };
    }

    private static string Mark(string text, string[] reserved, char mark)
    {
        StringBuilder marked = new(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int length = LengthAt(text, at, reserved);
            if (length > 0)
                marked.Append(mark);
            length = Math.Max(1, length);
            marked.Append(text, at, length);
            at += length;
        }
        return marked.ToString();
    }

    /// <summary>The rendered text without marks, and where reserved texts are meant literally.</summary>
    private static (string Text, List<Range> Literal) Unmark(string rendered, string[] reserved, char mark)
    {
        List<Range> literal = [];
        if (reserved.Length == 0 || !rendered.Contains(mark))
            return (rendered, literal);
        StringBuilder text = new(rendered.Length);
        for (int at = 0; at < rendered.Length;)
        {
            if (rendered[at] != mark)
            {
                text.Append(rendered[at++]);
                continue;
            }
            int length = LengthAt(rendered, ++at, reserved);
            if (length > 0)
                literal.Add(text.Length..(text.Length + length));
            text.Append(rendered, at, length);
            at += length;
        }
        return (text.ToString(), literal);
    }

    private static int LengthAt(string text, int at, string[] reserved)
    {
        foreach (string candidate in reserved)
        {
            if (text.AsSpan(at).StartsWith(candidate, StringComparison.Ordinal))
                return candidate.Length;
        }
        return 0;
    }
}
