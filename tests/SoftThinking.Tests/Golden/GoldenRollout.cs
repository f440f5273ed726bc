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

    /// <summary>The rollouts and those with early exits; none where the golden data is not there.</summary>
    public static IEnumerable<string> Names =>
        from folder in new[] { "rollouts", "exits" }
        where TestData.FindGolden("strategies") != null
        from path in Directory.EnumerateFiles(Path.Combine(TestData.FindGolden("strategies")!, folder), "*.safetensors").Order()
        where !Path.GetFileName(path).StartsWith("arithmetic-", StringComparison.Ordinal) // not a rollout
        select Path.Combine(folder, Path.GetFileName(path));

    public GoldenFile File { get; }

    /// <summary>Tokens after which a sample ends that did not end before.</summary>
    public int MaxNewTokens => Parameters.TryGetProperty("max_tokens", out JsonElement most) ? most.GetInt32() : 60;

    public string Model => Path.Combine(TestData.FindGolden("forward")!, Parameters.GetProperty("checkpoint").GetString()!);

    public bool HasPenalties => Parameters.TryGetProperty("penalties", out _);

    private JsonElement Parameters => _parameters.RootElement;

    /// <summary>The prompt, and its options without penalties.</summary>
    public GenerationRequest Request(Engine engine, int maxNewTokens)
    {
        GenerationRequest request = Request(engine);
        return request with
        {
            Sampling = request.Sampling with { RepetitionPenalty = 1, FrequencyPenalty = 0, PresencePenalty = 0 },
            MaxNewTokens = maxNewTokens,
        };
    }

    /// <summary>The request that was recorded.</summary>
    public GenerationRequest Request(Engine engine) => new()
    {
        Prompt = Prompt,
        Sampling = new StrategyParameters(Parameters, engine).Options,
        Thinking = ThinkingStart.Open,
        MaxNewTokens = MaxNewTokens,
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
