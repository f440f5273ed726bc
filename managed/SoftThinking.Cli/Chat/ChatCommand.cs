using System.CommandLine;

namespace SoftThinking.Cli;

/// <summary>`chat`: a conversation with a model that is loaded once.</summary>
internal static class ChatCommand
{
    private static readonly string[] Examples =
    [
        "chat",
        "chat --model ~/models/Qwen3-0.6B --system \"Be brief.\"",
        "chat --model ~/models/Qwen3-0.6B --load conversation.json",
        "chat --json < messages.txt | jq .answer",
    ];

    public static Command Create(Terminal terminal)
    {
        ChatOptions options = new();
        GroupedCommand command = new("chat",
            "Answers message after message of a conversation. A message is a line of input; one that ends with a backslash continues on the "
            + "next line. /help lists the commands that may be entered in place of a message. Ctrl-C stops an answer; what was said so far is "
            + "kept. Ctrl-D or /exit ends the conversation.",
            options.Groups, Examples);
        command.SetAction((parsed, cancellation) => RunAsync(options.Read(parsed), terminal, cancellation));
        return command;
    }

    private static async Task<int> RunAsync(ChatSettings settings, Terminal terminal, CancellationToken cancellation)
    {
        IReadOnlyList<ChatMessage> earlier = settings.Load is string file ? await ConversationFile.LoadAsync(file, cancellation) : [];
        await using Engine engine = ModelLoader.Load(settings.Model, settings.Engine, terminal, cancellation, out TimeSpan time);
        if (engine.Template == null)
            throw new ArgumentException($"{settings.Model.Name}: the model has no chat template, which a conversation needs");
        Conversation conversation = new(settings.ModelRequest?.Invoke(engine.Defaults) ?? settings.Request, earlier);
        await new ChatSession(engine, settings, conversation, terminal, time).RunAsync(cancellation);
        return ExitCode.Success;
    }
}
