using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Templating;
using SoftThinking.Thinking;
using SoftThinking.Tokenization;

namespace SoftThinking;

/// <summary>Keeps messages from forging control tokens: a mark is put before every special token and thought marker that is spelled out
/// in a message, survives the chat template, and shows where the rendered text means these characters literally.</summary>
internal sealed class ReservedTexts
{
    // Unicode's noncharacters U+FDD0 to U+FDEF: no text has a use for them.
    private const char FirstMark = '\uFDD0', LastMark = '\uFDEF';

    private readonly string[] _texts; // the longest first
    private readonly SearchValues<char> _firsts;
    private readonly char _mark;

    /// <exception cref="ArgumentException">The messages use up all marks.</exception>
    public ReservedTexts(Tokenizer tokenizer, ThinkingMarkers markers, IReadOnlyList<ChatMessage> messages)
    {
        _texts =
        [
            .. tokenizer.AddedTokens.Where(token => token.IsSpecial).Select(token => token.Content)
                .Concat([markers.Start?.Text ?? "", markers.End?.Text ?? ""])
                .Where(text => text.Length > 0).Distinct().OrderByDescending(text => text.Length),
        ];
        _firsts = SearchValues.Create([.. _texts.Select(text => text[0]).Distinct()]);
        _mark = UnusedMark(messages);
    }

    /// <summary>A message with a mark before every reserved text. What the assistant said earlier is left to the template, but not its tool
    /// calls, whose arguments often repeat what others wrote.</summary>
    public ChatMessage Mark(ChatMessage message)
    {
        message = message with { ToolCalls = Mark(message.ToolCalls) };
        return message.Role == "assistant" ? message : message with
        {
            Content = message.Content is string content ? Mark(content) : null,
            Reasoning = message.Reasoning is string reasoning ? Mark(reasoning) : null,
            Extra = Mark(message.Extra),
        };
    }

    /// <summary>The rendered text without marks, and the ranges in which reserved texts are meant literally.</summary>
    public (string Text, List<Range> Literal) Unmark(string rendered)
    {
        List<Range> literal = [];
        int mark = rendered.IndexOf(_mark);
        if (mark < 0)
            return (rendered, literal);
        StringBuilder text = new(rendered.Length);
        int start = 0;
        for (; mark >= 0; mark = rendered.IndexOf(_mark, start))
        {
            text.Append(rendered, start, mark - start);
            start = mark + 1;
            int length = LengthAt(rendered, start); // 0 where the template changed the text
            if (length > 0)
                literal.Add(text.Length..(text.Length + length));
            text.Append(rendered, start, length);
            start += length;
        }
        return (text.Append(rendered, start, rendered.Length - start).ToString(), literal);
    }

    private static char UnusedMark(IReadOnlyList<ChatMessage> messages)
    {
        for (char mark = FirstMark; mark <= LastMark; mark++)
        {
            if (!messages.Any(message => Contains(message, mark)))
                return mark;
        }
        throw new ArgumentException("the messages contain every noncharacter from U+FDD0 to U+FDEF");
    }

    private static bool Contains(ChatMessage message, char mark) =>
        message.Content?.Contains(mark) == true || message.Reasoning?.Contains(mark) == true
        || message.ToolCalls?.GetRawText().Contains(mark) == true || message.Extra?.GetRawText().Contains(mark) == true;

    private JsonElement? Mark(JsonElement? json)
    {
        if (json is not JsonElement value)
            return null;
        JsonNode? marked = Mark(JsonNode.Parse(value.GetRawText(), documentOptions: JsonValues.Deep));
        return JsonElement.Parse(marked?.ToJsonString() ?? "null", JsonValues.Deep);
    }

    private JsonNode? Mark(JsonNode? node) => node switch
    {
        JsonObject @object => new JsonObject(JsonValues.Valid(@object.ToArray).Select(entry => KeyValuePair.Create(Mark(entry.Key), Mark(entry.Value)))),
        JsonArray array => new JsonArray([.. array.Select(element => Mark(element))]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => JsonValue.Create(Mark(JsonValues.Valid(value.GetValue<string>))),
        _ => node?.DeepClone(),
    };

    private string Mark(string text)
    {
        StringBuilder marked = new(text.Length);
        int start = 0;
        for (int at = text.AsSpan().IndexOfAny(_firsts); at >= 0 && at < text.Length;)
        {
            int length = LengthAt(text, at);
            if (length > 0)
            {
                marked.Append(text, start, at - start).Append(_mark);
                start = at;
            }
            at += Math.Max(1, length);
            int next = text.AsSpan(at).IndexOfAny(_firsts);
            at = next < 0 ? -1 : at + next;
        }
        return start == 0 && marked.Length == 0 ? text : marked.Append(text, start, text.Length - start).ToString();
    }

    private int LengthAt(string text, int at)
    {
        foreach (string candidate in _texts)
        {
            if (text.AsSpan(at).StartsWith(candidate, StringComparison.Ordinal))
                return candidate.Length;
        }
        return 0;
    }
}
