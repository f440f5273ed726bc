using System.Text.Json.Nodes;

namespace SoftThinking.Server.Tests;

/// <summary>Prompts of the demonstration model as raw text, and what the engine makes of them.</summary>
internal static class RawPrompt
{
    private static Engine Engine => SharedServer.Instance.Engine;

    public static string Of(string question) => Engine.Template!.Render([new ChatMessage("user", question)]);

    public static int[] IdsOf(string question) => Engine.Tokenizer.Encode(Of(question), addSpecialTokens: true);

    public static JsonArray JsonIdsOf(string question) => new([.. IdsOf(question).Select(id => (JsonNode)id)]);

    /// <summary>The engine's own result for a question.</summary>
    public static async Task<GeneratedSample> AskAsync(
        string question, SamplingOptions sampling, Func<GenerationRequest, GenerationRequest>? change = null)
    {
        GenerationRequest request = GenerationRequest.FromText(Of(question)) with { Sampling = sampling };
        return (await Engine.GenerateAsync(change?.Invoke(request) ?? request)).Samples[0];
    }
}
