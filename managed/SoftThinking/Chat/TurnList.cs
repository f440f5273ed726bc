using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Chat;

/// <summary>Collects a conversation that comes in small parts. What the assistant thought, said and called without another's message between
/// is one turn, and so are the system messages at the start.</summary>
public sealed class TurnList
{
    private readonly List<string> _system = []; // at the start
    private readonly List<ChatMessage> _turns = []; // after it
    private readonly List<string> _thoughts = [], _texts = [];
    private readonly JsonArray _calls = [];
    private bool _assistant; // whether a turn of the assistant is open

    /// <param name="start">The turns before.</param>
    /// <exception cref="ArgumentNullException">The turns are null.</exception>
    public TurnList(IEnumerable<ChatMessage> start)
    {
        ArgumentNullException.ThrowIfNull(start);
        foreach (ChatMessage message in start)
            Add(message);
    }

    /// <summary>Whether a message is the system's, by either name of its role.</summary>
    /// <exception cref="ArgumentNullException">The message is null.</exception>
    public static bool IsSystem(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return message.Role is "system" or "developer";
    }

    /// <summary>Adds a message of another than the assistant.</summary>
    /// <exception cref="ArgumentNullException">The message is null.</exception>
    public void Add(ChatMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        EndTurn();
        if (_turns.Count == 0 && IsSystem(message))
            _system.Add(message.Content ?? "");
        else
            _turns.Add(message);
    }

    /// <summary>Adds the result of a tool call.</summary>
    /// <param name="callId">Id of the call.</param>
    /// <param name="content">The result.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public void AddResult(string callId, string content)
    {
        ArgumentNullException.ThrowIfNull(callId);
        ArgumentNullException.ThrowIfNull(content);
        Add(new ChatMessage("tool", content) { Extra = ToElement(new JsonObject { ["tool_call_id"] = callId }) });
    }

    /// <summary>Begins a turn of the assistant, unless one is open. It may stay empty.</summary>
    public void BeginAssistant() => _assistant = true;

    /// <summary>Adds to what the assistant thought.</summary>
    /// <exception cref="ArgumentNullException">The text is null.</exception>
    public void AddThought(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        BeginAssistant();
        _thoughts.Add(text);
    }

    /// <summary>Adds to what the assistant said.</summary>
    /// <exception cref="ArgumentNullException">The text is null.</exception>
    public void AddText(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        BeginAssistant();
        _texts.Add(text);
    }

    /// <summary>Adds a tool call of the assistant.</summary>
    /// <param name="id">Id of the call.</param>
    /// <param name="name">Name of the tool.</param>
    /// <param name="arguments">An object, or text that holds one.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    public void AddCall(string id, string name, JsonNode arguments)
    {
        ArgumentNullException.ThrowIfNull(id);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(arguments);
        BeginAssistant();
        _calls.Add((JsonNode)new JsonObject { ["id"] = id, ["type"] = "function", ["function"] = new JsonObject { ["name"] = name, ["arguments"] = arguments } });
    }

    /// <summary>The conversation so far. Ends a turn of the assistant.</summary>
    public IReadOnlyList<ChatMessage> ToList()
    {
        EndTurn();
        return _system.Count > 0 ? [new ChatMessage("system", string.Join("\n\n", _system)), .. _turns] : _turns;
    }

    private void EndTurn()
    {
        if (!_assistant)
            return;
        _turns.Add(new ChatMessage("assistant", _texts.Count == 0 && _calls.Count > 0 ? null : string.Join('\n', _texts))
        {
            Reasoning = _thoughts.Count > 0 ? string.Join('\n', _thoughts) : null,
            ToolCalls = _calls.Count > 0 ? ToElement(_calls) : null,
        });
        _assistant = false;
        _thoughts.Clear();
        _texts.Clear();
        _calls.Clear();
    }

    private static JsonElement ToElement(JsonNode node) => JsonElement.Parse(node.ToJsonString());
}
