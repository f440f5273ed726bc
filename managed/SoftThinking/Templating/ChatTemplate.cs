using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Templating;

/// <summary>A chat template: it writes a conversation as the text a model was trained on. The language is the part of
/// Jinja that published templates use, with the settings of Hugging Face transformers: trim_blocks, lstrip_blocks,
/// loop controls, <c>generation</c> blocks, and lists and dicts that cannot be changed. One template may be rendered
/// from several threads at once.</summary>
public sealed class ChatTemplate
{
    // Fifty times the largest template known.
    private const int MaxSource = 1 << 20;

    private readonly Statement[] _body;
    private readonly TimeProvider _clock;
    private readonly Lazy<ToolCallForm?> _toolCalls;

    private ChatTemplate(
        string source, string name, IReadOnlyDictionary<string, string>? specialTokens, TimeProvider? clock)
    {
        if (source.Length > MaxSource)
            throw new TemplateException(name, 0, $"the template has more than {MaxSource} characters");
        (Name, Source) = (name, source);
        SpecialTokens = specialTokens ?? new Dictionary<string, string>();
        _clock = clock ?? TimeProvider.System;
        _body = Parser.Parse(source, name);
        _toolCalls = new(() => ToolCallForm.Of(this));
    }

    /// <summary>Name in errors: the file, or the name passed to <see cref="Parse"/>.</summary>
    internal string Name { get; }

    /// <summary>The template as written.</summary>
    public string Source { get; }

    /// <summary>Variables such as <c>bos_token</c> and <c>eos_token</c> that every rendering gets.</summary>
    internal IReadOnlyDictionary<string, string> SpecialTokens { get; }

    /// <summary>Parses a template.</summary>
    /// <param name="source">The template, at most 1 MiB.</param>
    /// <param name="name">Name in errors.</param>
    /// <param name="specialTokens">Variables for every rendering, such as <c>bos_token</c>.</param>
    /// <param name="clock">The clock of <c>strftime_now</c>; the system's clock when null.</param>
    /// <exception cref="TemplateException">The template is broken or uses a statement that is not supported, or a filter
    /// or test that is not supported is certain to be reached.</exception>
    internal static ChatTemplate Parse(
        string source, string name, IReadOnlyDictionary<string, string>? specialTokens = null,
        TimeProvider? clock = null) => new(source, name, specialTokens, clock);

    /// <summary>Loads the template of a checkpoint: <c>chat_template.jinja</c>, else <c>chat_template</c> of
    /// <c>tokenizer_config.json</c> (of several named ones the one named "default"); the special tokens come from
    /// <c>tokenizer_config.json</c> in both cases.</summary>
    /// <param name="directory">Folder of the checkpoint.</param>
    /// <returns>Null where the checkpoint has no template.</returns>
    /// <exception cref="ArgumentNullException">The directory is null.</exception>
    /// <exception cref="ModelFileException">A file is not valid JSON, or its template has an unknown form.</exception>
    /// <exception cref="TemplateException">The template is broken or not supported.</exception>
    public static ChatTemplate? Load(string directory)
    {
        ArgumentNullException.ThrowIfNull(directory);
        TemplateFiles files = TemplateFiles.Read(directory);
        return files.Source == null ? null : new(files.Source, files.Name, files.SpecialTokens, clock: null);
    }

    /// <summary>Renders a conversation: <c>template.Render([new("user", "Hi")])</c>. Tool calls of earlier turns are passed to the template
    /// in the form that it renders: arguments as an object or as its JSON text, and missing content as null or "".</summary>
    /// <param name="messages">The turns so far.</param>
    /// <param name="addGenerationPrompt">Whether to end with the beginning of an assistant turn.</param>
    /// <param name="tools">JSON schemas of the tools, an array; none when null.</param>
    /// <param name="variables">Further variables, such as <c>enable_thinking</c>; they override all others.</param>
    /// <exception cref="TemplateException">The template fails, raises an exception of its own, or exceeds a
    /// limit.</exception>
    /// <exception cref="ArgumentNullException">The messages, or one of them, are null.</exception>
    /// <exception cref="ArgumentException">A JSON argument has the wrong form.</exception>
    public string Render(
        IEnumerable<ChatMessage> messages, bool addGenerationPrompt = true, JsonNode? tools = null,
        JsonObject? variables = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return RenderAsIs(Adapt([.. messages]), addGenerationPrompt, tools, variables);
    }

    /// <summary>A conversation with its tool calls in the form that the template renders.</summary>
    internal IReadOnlyList<ChatMessage> Adapt(IReadOnlyList<ChatMessage> messages)
    {
        foreach (ChatMessage message in messages)
            ArgumentNullException.ThrowIfNull(message, nameof(messages));
        return messages.Any(message => message.ToolCalls != null) && _toolCalls.Value is ToolCallForm form ? form.Apply(messages) : messages;
    }

    /// <summary>Renders a conversation without changing its form.</summary>
    internal string RenderAsIs(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, JsonNode? tools, JsonObject? variables)
    {
        Dictionary<string, object?> all = StartVariables();
        all["messages"] = new SequenceValue([.. messages.Select(ToValue)]);
        all["add_generation_prompt"] = addGenerationPrompt;
        all["tools"] = JsonValues.From(tools);
        all["documents"] = null;
        foreach ((string key, JsonNode? value) in variables ?? [])
            all[key] = JsonValues.From(value);
        return Interpreter.Render(_body, Name, all, _clock);
    }

    /// <summary>Renders with exactly these variables (<c>messages</c>, <c>tools</c> and so on) and the special
    /// tokens, which they override.</summary>
    /// <param name="variables">An object.</param>
    /// <exception cref="TemplateException">The template fails, raises an exception of its own, or exceeds a
    /// limit.</exception>
    /// <exception cref="ArgumentException">The JSON is not an object, or holds a string that is not valid
    /// Unicode.</exception>
    internal string Render(JsonElement variables)
    {
        if (variables.ValueKind != JsonValueKind.Object)
            throw new ArgumentException("the variables of a template must be a JSON object", nameof(variables));
        Dictionary<string, object?> all = StartVariables();
        foreach ((object? name, object? value) in ((DictValue)JsonValues.From(variables)!).Entries)
            all[(string)name!] = value;
        return Interpreter.Render(_body, Name, all, _clock);
    }

    private Dictionary<string, object?> StartVariables() =>
        SpecialTokens.ToDictionary(t => t.Key, t => (object?)t.Value);

    private static object? ToValue(ChatMessage message)
    {
        DictValue dict = new();
        dict.Set("role", message.Role);
        dict.Set("content", message.Content);
        if (message.Reasoning != null)
            dict.Set("reasoning_content", message.Reasoning);
        if (message.ToolCalls is JsonElement calls)
            dict.Set("tool_calls", JsonValues.From(calls));
        if (message.Extra is not JsonElement extra)
            return dict;
        if (extra.ValueKind != JsonValueKind.Object)
            throw new ArgumentException("ChatMessage.Extra must be a JSON object");
        foreach ((object? name, object? value) in ((DictValue)JsonValues.From(extra)!).Entries)
            dict.Set(name, value);
        return dict;
    }
}
