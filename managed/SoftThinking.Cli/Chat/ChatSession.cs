namespace SoftThinking.Cli;

/// <summary>Answers messages and executes commands until the input ends.</summary>
/// <param name="load">How long loading the model took.</param>
internal sealed class ChatSession(Engine engine, ChatSettings settings, Conversation conversation, Terminal terminal, TimeSpan load)
{
    private readonly MessageReader _reader = new(terminal);
    private readonly ChatCommands _commands = new(conversation, terminal, engine.Tokenizer);
    private readonly bool _typed = terminal.Input == null;

    /// <exception cref="IOException">The input cannot be read, or the output cannot be written.</exception>
    /// <exception cref="OperationCanceledException">Canceled; an answer in progress has been printed.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        if (_typed)
            terminal.Error.WriteLine($"{settings.Model.Name} · /help lists the commands, Ctrl-D ends the conversation");
        while (!_commands.Ended && await NextAsync(cancellation) is string message)
        {
            if (string.IsNullOrWhiteSpace(message))
                continue;
            if (message.StartsWith("//", StringComparison.Ordinal))
                await AnswerAsync(message[1..], cancellation);
            else if (message.StartsWith('/'))
                _commands.Execute(message);
            else
                await AnswerAsync(message, cancellation);
        }
    }

    /// <summary>Reads the next message. At a terminal, Ctrl-C clears what was typed, as in a shell, and only a second one ends the program:
    /// the first may have been meant for an answer that had just ended.</summary>
    private async Task<string?> NextAsync(CancellationToken cancellation)
    {
        if (_typed)
        {
            using Interruption.Part typing = terminal.Interruption.Begin(cancellation);
            try
            {
                return await _reader.ReadAsync(typing.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                terminal.Error.WriteLine();
                terminal.Error.WriteLine("Ctrl-C again, Ctrl-D or /exit ends the conversation");
            }
        }
        return await _reader.ReadAsync(cancellation);
    }

    private async Task AnswerAsync(string message, CancellationToken cancellation)
    {
        GenerationRun run = new(settings.Model.Name);
        run.Loaded(load);
        IRunWriter writer = settings.Json
            ? new ChatJsonWriter(terminal.Out)
            : new LiveTextWriter(terminal, engine.Tokenizer, LiveTextWriter.ShortSummary);
        using Interruption.Part answer = terminal.Interruption.Begin(cancellation);
        await GenerateAsync(message, run, writer, answer.Token);
        writer.End(run);
        cancellation.ThrowIfCancellationRequested();
        Report(run);
        if (run.Error != null || run.Tokens.Count == 0)
            return;
        conversation.Add(message, run.Sample); // also what an interruption has cut off
        _commands.Answered(run);
    }

    private void Report(GenerationRun run)
    {
        Usage usage = run.Sample.Usage;
        if (run.Error is string error)
            terminal.ReportError(error);
        else if (run.Tokens.Count == 0)
            terminal.Error.WriteLine("there is no answer; the message is forgotten");
        else if (run.End == RunEnd.Length && usage.PromptTokens + usage.CompletionTokens >= engine.ContextLength)
            terminal.Error.WriteLine($"the context of {engine.ContextLength} tokens is full: /reset forgets the conversation");
    }

    private async Task GenerateAsync(string message, GenerationRun run, IRunWriter writer, CancellationToken cancellation)
    {
        try
        {
            await run.ReadAsync(engine.StreamAsync(conversation.Ask(message), cancellation), [writer]);
        }
        catch (OperationCanceledException)
        {
            run.Cancel();
        }
        catch (GenerationLimitException error) when (error.Limit == GenerationLimit.Context && conversation.Turns.Count > 0)
        {
            run.Fail($"{error.Message}; /reset forgets the conversation");
        }
        catch (Exception error) when (RequestErrors.Include(error))
        {
            run.Fail(RequestErrors.MessageOf(error));
        }
    }
}
