using System.Text.Json;
using System.Text.Json.Nodes;

namespace SoftThinking.Server.Calls;

/// <summary>Collects a conversation that comes in small parts. What the assistant thought, said and called without another's message between
/// is one turn, and so are the system messages at the start.</summary>
internal sealed class TurnList
{
    private readonly List<string> _system = []; // at the start
    private readonly List<ChatMessage> _turns = []; // after it
    private readonly List<string> _thoughts = [], _texts = [];
    private readonly JsonArray _calls = [];
    private bool _assistant; // whether a turn of the assistant is open

    /// <param name="start">The turns before.</param>
    public TurnList(IEnumerable<ChatMessage> start)
    {
        foreach (ChatMessage message in start)
            Add(message);
    }

    /// <summary>Adds a message of another than the assistant.</summary>
    public void Add(ChatMessage message)
    {
        EndTurn();
        if (_turns.Count == 0 && ChatTurns.IsSystem(message))
            _system.Add(message.Content ?? "");
        else
            _turns.Add(message);
    }

    /// <summary>Adds the result of a tool call.</summary>
    public void AddResult(string callId, string content) => Add(new ChatMessage("tool", content) { Extra = ToElement(new JsonObject { ["tool_call_id"] = callId }) });

    /// <summary>Begins a turn of the assistant, unless one is open. It may stay empty.</summary>
    public void BeginAssistant() => _assistant = true;

    public void AddThought(string text)
    {
        BeginAssistant();
        _thoughts.Add(text);
    }

    public void AddText(string text)
    {
        BeginAssistant();
        _texts.Add(text);
    }

    public void AddCall(string id, string name, JsonNode arguments)
    {
        BeginAssistant();
        _calls.Add((JsonNode)new JsonObject { ["id"] = id, ["type"] = "function", ["function"] = new JsonObject { ["name"] = name, ["arguments"] = arguments } });
    }

    public IReadOnlyList<ChatMessage> ToList()
    {
        EndTurn();
        return _system.Count > 0 ? [new ChatMessage("system", string.Join("\n\n", _system)), .. _turns] : _turns;
    }

    private void EndTurn()
    {
        if (!_assistant)
            return;
        _turns.Add(new ChatMessage("assistant", _texts.Count == 0 && _calls.Count > 0 ? null : TextParts.Join(_texts))
        {
            Reasoning = _thoughts.Count > 0 ? TextParts.Join(_thoughts) : null,
            ToolCalls = _calls.Count > 0 ? ToElement(_calls) : null,
        });
        _assistant = false;
        _thoughts.Clear();
        _texts.Clear();
        _calls.Clear();
    }

    private static JsonElement ToElement(JsonNode node) => JsonElement.Parse(node.ToJsonString());
}
