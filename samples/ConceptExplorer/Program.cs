// Prints the thought of a model token by token, with all that each mixture is made of. dotnet run -- [QUESTION [MODEL]]
using SoftThinking;

string question = args.ElementAtOrDefault(0) ?? "What is 47 + 85 - 19?";
await using Engine engine = await Engine.LoadAsync(args.ElementAtOrDefault(1) ?? "../../models/tiny-reasoner");
GenerationRequest request = GenerationRequest.FromQuestion(question).WithDefaults(engine.Defaults);

GenerationResult result = await engine.GenerateAsync(request with { Sampling = request.Sampling with { Seed = 0 } });
foreach (GeneratedToken token in result.Samples[0].Tokens.Where(token => token.Thinking))
    Console.WriteLine($"{Quoted(token.Text),-14}{token.Entropy,6:F3} nats{(token.Token.IsPlain ? "" : "  " + Mixture(token.Token))}");
Console.WriteLine($"\n{result.Answer.Trim()}");

string Mixture(ConceptToken token) =>
    string.Join(", ", token.Entries.Select(entry => $"{Quoted(engine.Tokenizer.Decode([entry.Id], skipSpecialTokens: false))} {entry.Weight:P1}"));

static string Quoted(string text) => $"'{text.ReplaceLineEndings("\\n")}'";
