using System.Text;
using System.Text.Json;
using SoftThinking.Checkpoints;
using SoftThinking.Files;
using SoftThinking.Json;

namespace SoftThinking.Records;

/// <summary>Collects recorded samples, and writes them to one file, which <see cref="RecordFile"/> reads. A sample stays in memory in the
/// form of the file, 20 bytes for each entry of its tokens, until then.</summary>
/// <example><code>
/// GenerationRequest request = GenerationRequest.FromQuestion("What is 47 + 85?") with { Record = true };
/// GenerationResult result = await engine.GenerateAsync(request);
/// RecordWriter writer = new("Qwen3-8B");
/// writer.Add(engine.Encode(request.Prompt), request, result.Samples[0]);
/// writer.Save("records.safetensors");
/// </code></example>
public sealed class RecordWriter
{
    private readonly string _model;
    private readonly Dictionary<string, Column> _columns = RecordLayout.Tensors.ToDictionary(tensor => tensor.Name, tensor => new Column(tensor.Name, tensor.Dtype));
    private readonly List<string> _options = [];
    private long _promptTokens, _tokens, _entries;
    private bool _scored;

    /// <param name="model">Name of the model, which the file says.</param>
    /// <exception cref="ArgumentNullException">The name is null.</exception>
    public RecordWriter(string model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        foreach (string name in new[] { "sequence_start", "prompt_start", "entry_start" })
            _columns[name].Append(0L);
    }

    /// <summary>Samples so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a sample.</summary>
    /// <param name="prompt">The prompt as <see cref="Engine.Encode"/> returns it; of plain tokens.</param>
    /// <param name="request">The request.</param>
    /// <param name="sample">The sample, of a request with <see cref="GenerationRequest.Record"/>.</param>
    /// <param name="number">Any number that tells requests apart.</param>
    /// <param name="index">Which sample of the request, from 0.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">The prompt has a mixture, or the sample is not recorded.</exception>
    public void Add(IReadOnlyList<ConceptToken> prompt, GenerationRequest request, GeneratedSample sample, int number = 0, int index = 0)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(sample);
        if (prompt.Any(token => !token.IsPlain))
            throw new ArgumentException("the prompt has concept tokens of several entries, which a file of records does not hold", nameof(prompt));
        TokenRecord[] records = [.. sample.Tokens.Select(token => token.Record ?? throw new ArgumentException("the sample is not recorded", nameof(sample)))];
        Append("prompt", prompt.Select(token => token.Token));
        Append("prompt_start", _promptTokens += prompt.Count);
        Append("sequence_start", _tokens += records.Length);
        Append("seed", sample.Seed);
        Append("request", number);
        Append("sample", index);
        Append("options", IndexOf(request.Sampling));
        Append("max_new_tokens", request.MaxNewTokens ?? 0);
        Append("finished", RecordLayout.CodeOf(sample.FinishReason));
        AddTokens(sample.Tokens, records);
        AddEntries(sample.Tokens, records);
        Count++;
    }

    /// <summary>Writes the file: all of it or, on failure, none. A file of this name is replaced; a link to it stays.</summary>
    /// <exception cref="ArgumentNullException">The path is null.</exception>
    /// <exception cref="ArgumentException">The path is empty.</exception>
    /// <exception cref="IOException">The file cannot be written; or a device or a pipe has this name.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    public void Save(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        Column[] columns = [.. RecordLayout.Tensors.Select(tensor => _columns[tensor.Name]).Where(column => _scored || column.Name != RecordLayout.Scores)];
        OutputFile.Replace(path, temporary =>
        {
            using SafetensorsOutput output = SafetensorsOutput.Create(temporary, [.. columns.Select(column => column.Info)], Metadata());
            foreach (Column column in columns)
                column.Write(output);
        });
    }

    private void AddTokens(IReadOnlyList<GeneratedToken> tokens, TokenRecord[] records)
    {
        Append("token", tokens.Select(token => token.Token.Token));
        Append("entry_start", tokens.Select(token => _entries += token.Token.Count));
        foreach ((string name, Func<TokenRecord, float> get) in RecordJson.Statistics)
            Append(name, records.Select(get));
        Append("soft", tokens.Select(token => Flag(token.Soft)));
        Append("mixed", records.Select(record => Flag(record.Mixed)));
        Append("forced", records.Select(record => Flag(record.Forced)));
        Append("stop", records.Select(record => RecordLayout.CodeOf(record.Stop)));
        Append("switch", records.Select(record => (byte)(!record.Switched ? 0 : record.Hard ? 1 : 2)));
    }

    private void AddEntries(IReadOnlyList<GeneratedToken> tokens, TokenRecord[] records)
    {
        Append("ids", tokens.SelectMany(token => token.Token.Entries.Select(entry => entry.Id)));
        Append("weights", tokens.SelectMany(token => token.Token.Entries.Select(entry => entry.Weight)));
        Append("log_p1", records.SelectMany(record => record.LogP1));
        Append("log_pt", records.SelectMany(record => record.LogPt));
        Append(RecordLayout.Scores, records.SelectMany(record => record.Scores.Count > 0 ? record.Scores : Enumerable.Repeat(float.NaN, record.LogP1.Count)));
        _scored |= records.Any(record => record.Scores.Count > 0);
    }

    private static byte Flag(bool value) => value ? (byte)1 : (byte)0;

    private void Append<T>(string name, T value) where T : unmanaged => _columns[name].Append(value);

    private void Append<T>(string name, IEnumerable<T> values) where T : unmanaged => _columns[name].Append<T>(values.ToArray());

    /// <summary>The place of options among the different ones. Their seed does not count: each sample has its own.</summary>
    private int IndexOf(SamplingOptions options)
    {
        using MemoryStream text = new();
        using (Utf8JsonWriter json = new(text))
        {
            json.WriteStartObject();
            SamplingJson.Write(json, options with { Seed = null });
            json.WriteEndObject();
        }
        string written = Encoding.UTF8.GetString(text.ToArray());
        if (!_options.Contains(written))
            _options.Add(written);
        return _options.IndexOf(written);
    }

    private Dictionary<string, string> Metadata() => new()
    {
        [RecordLayout.FormatKey] = RecordLayout.Format,
        [RecordLayout.VersionKey] = RecordLayout.Version,
        [RecordLayout.ModelKey] = _model,
        [RecordLayout.OptionsKey] = $"[{string.Join(", ", _options)}]",
    };
}
