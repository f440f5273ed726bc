using System.Text.Json;

namespace SoftThinking.Tests;

/// <summary>Questions to the demonstration model.</summary>
internal static class Problems
{
    /// <summary>The held-out problems: question and answer.</summary>
    public static IEnumerable<(string Question, string Answer)> HeldOut()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Path.Combine(TestData.TinyReasoner, "test.json")));
        return [.. document.RootElement.EnumerateArray().Select(problem => (
            problem.GetProperty("prompt")[0].GetProperty("value").GetString()!,
            problem.GetProperty("final_answer").GetString()!))];
    }

    public static GenerationRequest Ask(Engine engine, string question, SamplingOptions sampling)
    {
        string text = engine.Template!.Render([new ChatMessage("user", question)], addGenerationPrompt: true);
        return new GenerationRequest
        {
            Prompt = new TokenPrompt([.. engine.Tokenizer.Encode(text, addSpecialTokens: false).Select(id => new ConceptToken(id))]),
            Sampling = sampling,
            MaxNewTokens = 400,
        };
    }
}
