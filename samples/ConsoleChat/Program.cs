// A conversation in the terminal, which ends with an empty line. dotnet run -- [MODEL]
using SoftThinking;
using SoftThinking.Chat;

await using Engine engine = await Engine.LoadAsync(args is [string model] ? model : "../../models/tiny-reasoner");
List<ChatMessage> messages = [];
while (Ask("> ") is { Length: > 0 } question)
{
    messages.Add(new ChatMessage("user", question));
    messages.Add(await AnswerAsync(GenerationRequest.FromMessages(messages)));
}

static string? Ask(string prompt)
{
    Console.Write(prompt);
    return Console.ReadLine();
}

// Prints the thought in gray, then the answer.
async Task<ChatMessage> AnswerAsync(GenerationRequest request)
{
    ChatReader reader = new(engine.Tokenizer, engine.ToolCallSyntax);
    GenerationAccumulator reply = new();
    Console.ForegroundColor = ConsoleColor.DarkGray;
    await foreach (GenerationEvent next in engine.StreamAsync(request.WithDefaults(engine.Defaults)))
    {
        reply.Add(next);
        ChatDelta delta = next switch { GeneratedToken token => reader.Add(token), GenerationFinished => reader.Finish(), _ => new(null) };
        Console.Write(delta.Reasoning);
        if (next is GeneratedToken { ThinkingEnd: not null })
            Console.WriteLine();
        if (delta.Content != null)
            Console.ResetColor();
        Console.Write(delta.Content);
    }
    Console.ResetColor();
    Console.WriteLine();
    GenerationResult result = reply.ToResult();
    return new ChatMessage("assistant", result.Answer) { Reasoning = result.Thinking };
}
