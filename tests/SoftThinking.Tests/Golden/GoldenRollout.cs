using System.Text.Json;

namespace SoftThinking.Tests.Golden;

/// <summary>A golden rollout: its checkpoint, its parameters, and what was recorded.</summary>
internal sealed class GoldenRollout : IDisposable
{
    private readonly JsonDocument _parameters;

    /// <param name="name">Path below the golden strategies.</param>
    public GoldenRollout(string name)
    {
        File = new GoldenFile(Path.Combine(TestData.FindGolden("strategies")!, name));
        _parameters = JsonDocument.Parse(File.Metadata["parameters"]);
    }

    public GoldenFile File { get; }

    public string Model => Path.Combine(TestData.FindGolden("forward")!, Parameters.GetProperty("checkpoint").GetString()!);

    public bool HasPenalties => Parameters.TryGetProperty("penalties", out _);

    private JsonElement Parameters => _parameters.RootElement;

    /// <summary>The prompt, and its options without penalties.</summary>
    public GenerationRequest Request(Engine engine, int maxNewTokens) => new()
    {
        Prompt = Prompt,
        Sampling = new StrategyParameters(Parameters, engine).Options with { RepetitionPenalty = 1, FrequencyPenalty = 0, PresencePenalty = 0 },
        Thinking = ThinkingStart.Open,
        MaxNewTokens = maxNewTokens,
        IgnoreEndOfText = true,
        Record = true,
    };

    /// <summary>What was recorded, to be scored at the temperatures of the thought and of the answer.</summary>
    public ScoreRequest Scores()
    {
        int[] tokens = File.Read<int>("token"), counts = File.Read<int>("count"), ids = File.Read<int>("ids");
        float[] weights = File.Read<float>("weights");
        byte[] soft = File.Read<byte>("soft");
        int columns = File.Columns("ids");
        return new()
        {
            Prompt = Prompt,
            Tokens = [.. tokens.Select((token, step) =>
                ConceptToken.FromDevice(token, ids.AsSpan(step * columns, counts[step]), weights.AsSpan(step * columns, counts[step])))],
            Temperatures = [.. soft.Select(thinking => Parameters.GetProperty(thinking != 0 ? "thinking" : "after").GetProperty("temperature").GetSingle())],
        };
    }

    public void Dispose()
    {
        _parameters.Dispose();
        File.Dispose();
    }

    private TokenPrompt Prompt => new([.. File.Read<int>("prompt").Select(id => new ConceptToken(id))]);
}
