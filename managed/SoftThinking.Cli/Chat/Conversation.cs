namespace SoftThinking.Cli;

/// <summary>What was said so far, and how the next answer is generated.</summary>
internal sealed class Conversation
{
    private readonly List<ChatMessage> _turns = [];
    private readonly ChatPrompt _prompt;

    /// <param name="request">The request for an answer; its only message may be a system message, which replaces an earlier one.</param>
    /// <param name="earlier">Messages of a saved conversation.</param>
    public Conversation(GenerationRequest request, IReadOnlyList<ChatMessage> earlier)
    {
        (Request, _prompt) = (request, (ChatPrompt)request.Prompt);
        bool begins = earlier is [{ Role: "system", Content: not null, Extra: null }, ..];
        System = _prompt.Messages.SingleOrDefault()?.Content ?? (begins ? earlier[0].Content : null);
        _turns.AddRange(begins ? earlier.Skip(1) : earlier);
    }

    /// <summary>How answers are generated.</summary>
    public GenerationRequest Request { get; set; }

    /// <summary>The system message; null for none.</summary>
    public string? System { get; set; }

    /// <summary>The turns of user and assistant.</summary>
    public IReadOnlyList<ChatMessage> Turns => _turns;

    /// <summary>All messages, the system message first.</summary>
    public IReadOnlyList<ChatMessage> Messages => System is string system ? [new ChatMessage("system", system), .. _turns] : _turns;

    /// <summary>The request for the answer to a message.</summary>
    public GenerationRequest Ask(string message) =>
        Request with { Prompt = _prompt with { Messages = [.. Messages, new ChatMessage("user", message)] } };

    /// <summary>Adds a message and its answer. Which thoughts the model sees again, its chat template decides.</summary>
    public void Add(string message, GeneratedSample answer)
    {
        string thought = answer.Thinking;
        _turns.Add(new ChatMessage("user", message));
        _turns.Add(new ChatMessage("assistant", answer.Answer) { Reasoning = thought.Length > 0 ? thought : null });
    }

    /// <summary>Forgets all turns.</summary>
    public void Reset() => _turns.Clear();
}
