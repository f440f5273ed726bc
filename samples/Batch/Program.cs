// Answers all questions of a file, a line each, in one batch; prints them in order. dotnet run -- [FILE [MODEL]]
using SoftThinking;

string[] questions = args is [string file, ..] ? await File.ReadAllLinesAsync(file) : ["What is 7 + 5?", "What is 47 + 85 - 19?", "What is 90 - 36?"];
await using Engine engine = await Engine.LoadAsync(args.ElementAtOrDefault(1) ?? "../../models/tiny-reasoner");

// The engine computes what is in progress together, and lets the rest wait. No answer depends on the others.
Task<GenerationResult>[] results = [.. questions.Select(question =>
    engine.GenerateAsync(GenerationRequest.FromQuestion(question).WithDefaults(engine.Defaults)))];

int thoughts = 0;
foreach ((string question, Task<GenerationResult> task) in questions.Zip(results))
{
    GeneratedSample sample = (await task).Samples[0];
    thoughts += sample.Usage.ThinkingTokens;
    Console.WriteLine($"{question}  {sample.Answer.Trim()}");
}
Console.WriteLine($"{questions.Length} answers, {thoughts:N0} thoughts");
