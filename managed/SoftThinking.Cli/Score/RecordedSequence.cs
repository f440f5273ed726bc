using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Records;

namespace SoftThinking.Cli;

/// <summary>What a record says of a step.</summary>
/// <param name="Scores">Of each entry, or none.</param>
internal sealed record RecordedStep(bool Mixed, bool Forced, IReadOnlyList<float> Scores);

/// <summary>A recorded sequence to score.</summary>
/// <param name="Strategy">How it was generated; null if that is not known.</param>
/// <param name="Steps">Of each token; null if one has no record.</param>
internal sealed record RecordedSequence(ScoreRequest Request, ThinkingStrategy? Strategy, IReadOnlyList<RecordedStep>? Steps)
{
    private const string Prompt = "prompt_tokens", Tokens = "tokens", Temperature = "temperature", Sampling = "sampling", Ids = "ids";

    /// <summary>The whole records; null where a line has less.</summary>
    private IReadOnlyList<TokenRecord>? Records { get; init; }

    /// <summary>The sequence of a file of records.</summary>
    public static RecordedSequence Of(RecordedSample sample) => new(
        new ScoreRequest
        {
            Prompt = new TokenPrompt(sample.Prompt),
            Tokens = [.. sample.Tokens.Select(token => token.Token)],
            Temperatures = [.. sample.Tokens.Select(token => TemperatureOf(sample.Sampling, token.Soft))],
        },
        sample.Sampling.Strategy,
        [.. sample.Tokens.Select(token => new RecordedStep(token.Record.Mixed, token.Record.Forced, token.Record.Scores))])
    {
        Records = [.. sample.Tokens.Select(token => token.Record)],
    };

    /// <summary>The sequence of a line: "prompt_tokens", "tokens" as answers of `generate` have them, and optionally "temperature",
    /// "sampling", "ids". Other keys are not read, so that a line may be an answer of which only the prompt was added.</summary>
    /// <exception cref="ArgumentException">The line is not such a sequence. The message names the key.</exception>
    public static RecordedSequence Read(JsonElement json)
    {
        if (json.ValueKind != JsonValueKind.Object)
            throw new ArgumentException("the sequence is not a JSON object");
        Dictionary<string, JsonField> fields = FieldsOf(new JsonField("", json), "");
        JsonField[] tokens = [.. Required(fields, Tokens).Elements()];
        SamplingOptions? sampling = fields.TryGetValue(Sampling, out JsonField options) ? SamplingJson.Read(options.Value) : null;
        Dictionary<string, JsonField>[] parts =
            [.. tokens.Select(token => token.Value.ValueKind == JsonValueKind.Object ? FieldsOf(token, $"{token.Key}.") : [])];
        JsonField all = Required(fields, Tokens);
        ScoreRequest request = Apply(all, () => new ScoreRequest
        {
            Prompt = new TokenPrompt([.. Required(fields, Prompt).Elements().Select(ReadToken)]),
            Tokens = [.. tokens.Select(ReadToken)],
        });
        RecordedStep?[] steps = [.. parts.Select((part, i) => ReadStep(part, request.Tokens[i].Count))];
        return new(
            WithTemperatures(request, fields, sampling, parts) with { Ids = ReadIds(fields, tokens.Length) },
            sampling?.Strategy,
            steps.Contains(null) ? null : [.. steps.Select(step => step!)]);
    }

    /// <summary>The log-probability of each step as its strategy defines it; null without a strategy or records.</summary>
    public double[]? LogProbs(ReplayScores scores) => Strategy != null && Steps != null
        ? [.. Steps.Zip(scores.Steps, (step, given) => ReplayDensity.LogProb(Strategy, step.Mixed, step.Forced, step.Scores, given))]
        : null;

    /// <summary>The largest difference between recorded log-probabilities and the scores, at temperature 1; null without whole records.</summary>
    public float? DifferenceFrom(ReplayScores scores) => Records?.Zip(scores.Steps, (record, given) =>
        record.LogP1.Zip(given.LogP1, Difference).Append(Difference(record.TokenLogP1, given.TokenLogP1)).Max()).Max();

    // Also of two that are negative infinity.
    private static float Difference(float a, float b) => a == b ? 0 : Math.Abs(a - b);

    private static ScoreRequest WithTemperatures(
        ScoreRequest request, Dictionary<string, JsonField> fields, SamplingOptions? sampling, Dictionary<string, JsonField>[] tokens)
    {
        if (fields.TryGetValue(Temperature, out JsonField given))
        {
            return Apply(given, () => given.Value.ValueKind == JsonValueKind.Array
                ? request with { Temperatures = Checked(given, ReadNumbers(given), tokens.Length, "recorded tokens") }
                : request with { Temperature = given.Number<float>() });
        }
        return sampling == null
            ? request
            : request with { Temperatures = [.. tokens.Select(token => TemperatureOf(sampling, Flag(token, "soft")))] };
    }

    private static float TemperatureOf(SamplingOptions sampling, bool soft) => (soft ? sampling.Thinking : sampling.AfterThinking).Temperature;

    private static IReadOnlyList<IReadOnlyList<int>>? ReadIds(Dictionary<string, JsonField> fields, int tokens) => fields.TryGetValue(Ids, out JsonField ids)
        ? Checked<IReadOnlyList<int>>(ids, [.. ids.Elements().Select(each => (IReadOnlyList<int>)[.. each.Elements().Select(id => id.Number<int>())])], tokens, "recorded tokens")
        : null;

    private static T[] Checked<T>(JsonField field, T[] values, int count, string what) =>
        values.Length == count ? values : throw new JsonFieldException(field.Key, $"{field.Key} has {values.Length} elements for {count} {what}");

    private static int ReadId(JsonField field) => field.Number<int>() is >= 0 and int id ? id : throw field.Wrong("a token id, 0 or more");

    private static ConceptToken ReadToken(JsonField field)
    {
        try
        {
            if (field.Value.ValueKind == JsonValueKind.Number)
                return new ConceptToken(ReadId(field));
            Dictionary<string, JsonField> parts = FieldsOf(field, $"{field.Key}.");
            int token = ReadId(Required(parts, "token", $"{field.Key}."));
            if (!parts.TryGetValue("ids", out JsonField idsField))
                return new ConceptToken(token);
            int[] ids = [.. idsField.Elements().Select(ReadId)];
            float[] weights = ReadNumbers(Required(parts, "probs", $"{field.Key}."));
            if (weights.Length != ids.Length)
                throw new ArgumentException($"{ids.Length} ids and {weights.Length} probs");
            return new ConceptToken(token, [.. ids.Zip(weights, (id, weight) => new ConceptEntry(id, weight))]);
        }
        catch (ArgumentException error) when (error is not JsonFieldException)
        {
            string problem = error.Message.Replace($" (Parameter '{error.ParamName}')", "", StringComparison.Ordinal);
            throw new JsonFieldException(field.Key, $"{field.Key}: {problem}", error);
        }
    }

    private static RecordedStep? ReadStep(Dictionary<string, JsonField> token, int entries)
    {
        if (!token.TryGetValue("record", out JsonField record))
            return null;
        Dictionary<string, JsonField> parts = FieldsOf(record, $"{record.Key}.");
        float[] scores = parts.TryGetValue("scores", out JsonField field) ? ReadNumbers(field) : [];
        return new(Flag(parts, "mixed"), Flag(parts, "forced"), scores.Length > 0 ? Checked(field, scores, entries, "entries") : scores);
    }

    /// <summary>The error of a property that refuses its value names the key in place of the property.</summary>
    private static T Apply<T>(JsonField field, Func<T> set)
    {
        try
        {
            return set();
        }
        catch (ArgumentOutOfRangeException error)
        {
            throw field.OutOfRange(error);
        }
    }

    private static bool Flag(Dictionary<string, JsonField> fields, string name) => fields.TryGetValue(name, out JsonField field) && field.Flag();

    private static float[] ReadNumbers(JsonField field) => [.. field.Elements().Select(number => number.Number<float>())];

    private static JsonField Required(Dictionary<string, JsonField> fields, string name, string prefix = "") =>
        fields.TryGetValue(name, out JsonField field) ? field : throw new JsonFieldException(prefix + name, $"\"{prefix}{name}\" is missing");

    /// <summary>The fields of an object that are not null, by their names.</summary>
    private static Dictionary<string, JsonField> FieldsOf(JsonField value, string prefix) => value.Fields(prefix)
        .Where(field => field.Value.ValueKind != JsonValueKind.Null)
        .ToDictionary(field => field.Key[prefix.Length..]);
}
