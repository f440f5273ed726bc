using SoftThinking.Tokenization;

namespace SoftThinking.Cli;

/// <summary>The commands that may be entered in place of a message. What they print goes to standard error: standard output has the
/// answers.</summary>
internal sealed class ChatCommands
{
    private readonly Conversation _conversation;
    private readonly Terminal _terminal;
    private readonly Tokenizer _tokenizer;
    private readonly Entry[] _entries;
    private GenerationRun? _last;
    private bool _traces;

    public ChatCommands(Conversation conversation, Terminal terminal, Tokenizer tokenizer)
    {
        (_conversation, _terminal, _tokenizer) = (conversation, terminal, tokenizer);
        _entries =
        [
            new("/system", "[TEXT|-]", "Set the system message, remove it (-), or show it.", SetSystem),
            new("/soft", "[on|off]", "Think in concept tokens (on) or in ordinary ones (off).", SetSoft),
            new("/trace", "[on|off]", "Show the last thought token by token, or each one (on).", Trace),
            new("/reset", "", "Forget what was said; the system message stays.", Reset),
            new("/save", "FILE", "Write the conversation as JSON, for --load.", Save),
            new("/help", "", "Show this list.", Help),
            new("/exit", "", "End the conversation, as Ctrl-D does.", Exit),
            new("/quit", "", "The same.", Exit),
        ];
    }

    /// <summary>Whether a command has ended the conversation.</summary>
    public bool Ended { get; private set; }

    /// <summary>Executes a line that starts with a slash.</summary>
    public void Execute(string line)
    {
        string[] words = line.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        try
        {
            Entry entry = Array.Find(_entries, entry => entry.Name == words[0])
                ?? throw new UsageException($"unknown command {words[0]}: /help lists the commands, // starts a message with a slash");
            string argument = words.Length > 1 ? words[1] : "";
            if (entry.Argument.Length == 0 && argument.Length > 0)
                throw new UsageException($"{entry.Name} has no argument, not '{argument}'");
            entry.Run(argument);
        }
        catch (Exception error) when (error is UsageException or IOException)
        {
            _terminal.ReportError(TokenText.Harmless(error.Message));
        }
    }

    /// <summary>Takes note of an answer, and shows its thought if that was requested.</summary>
    public void Answered(GenerationRun run)
    {
        _last = run;
        if (_traces)
            ShowThought();
    }

    private void SetSystem(string text)
    {
        if (text.Length > 0)
            _conversation.System = text == "-" ? null : text;
        Say(_conversation.System is string system ? $"system message: {system}" : "there is no system message");
    }

    private void SetSoft(string word)
    {
        if (OnOrOff("/soft", word) is bool on)
            _conversation.Request = _conversation.Request with { Sampling = _conversation.Request.Sampling with { SoftThinking = on } };
        Say($"soft thinking is {(_conversation.Request.Sampling.SoftThinking ? "on" : "off")}");
    }

    private void Trace(string word)
    {
        if (OnOrOff("/trace", word) is bool on)
        {
            _traces = on;
            Say($"thoughts are {(on ? "" : "not ")}shown token by token after each answer");
        }
        else
        {
            ShowThought();
        }
    }

    private void ShowThought()
    {
        GeneratedToken[] thought = [.. (_last?.Tokens ?? []).Where(token => token.Thinking)];
        if (thought.Length == 0)
            Say(_last == null ? "there is no answer yet" : "the last answer has no thought");
        else
            ThoughtTable.Write(_terminal.Error, _tokenizer, thought);
    }

    private void Reset(string _)
    {
        _conversation.Reset();
        Say("the conversation is forgotten" + (_conversation.System != null ? "; the system message stays" : ""));
    }

    private void Save(string path)
    {
        if (path.Length == 0)
            throw new UsageException("/save needs the name of a file");
        if (_conversation.Messages.Count == 0)
            throw new UsageException("there is nothing to save yet");
        ConversationFile.Save(path, _conversation.Messages);
        Say($"the conversation is saved to {path}");
    }

    private void Help(string _)
    {
        foreach (Entry entry in _entries)
            SayRow($"{entry.Name} {entry.Argument}", entry.Description);
        SayRow("//TEXT", "Send a message that starts with a slash.");
        Say("A line that ends with \\ continues on the next one. Ctrl-C stops an answer.");
    }

    private void Exit(string _) => Ended = true;

    private void SayRow(string name, string description) => Say($"  {name,-18}{description}");

    private void Say(string text) => _terminal.Error.WriteLine(TokenText.Harmless(text));

    /// <returns>Null where no word was entered.</returns>
    private static bool? OnOrOff(string command, string word) => word switch
    {
        "" => null,
        "on" => true,
        "off" => false,
        _ => throw new UsageException($"{command} must be followed by on or off, not '{word}'"),
    };

    /// <param name="Argument">What may follow the name; empty for nothing.</param>
    private sealed record Entry(string Name, string Argument, string Description, Action<string> Run);
}
