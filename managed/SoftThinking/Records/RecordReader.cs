using SoftThinking.Checkpoints;

namespace SoftThinking.Records;

/// <summary>Reads the samples of an open file of records, and checks whatever it reads.</summary>
internal sealed class RecordReader : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly long[] _sequences, _prompts;
    private readonly bool _scored;

    /// <exception cref="ModelFileException">The file cannot be read, or is not a file of records.</exception>
    public RecordReader(string path)
    {
        _file = SafetensorsFile.Open(path);
        try
        {
            if (_file.Metadata.GetValueOrDefault(RecordLayout.FormatKey) != RecordLayout.Format || _file.Metadata.GetValueOrDefault(RecordLayout.VersionKey) != RecordLayout.Version)
                throw new ModelFileException(path, $"this is not a file of records of version {RecordLayout.Version}");
            foreach ((string name, TensorDtype dtype) in RecordLayout.Tensors)
                Check(path, name, dtype);
            _scored = _file.Tensors.ContainsKey(RecordLayout.Scores);
            _sequences = Slice<long>("sequence_start", 0, LengthOf("sequence_start"));
            _prompts = Slice<long>("prompt_start", 0, LengthOf("prompt_start"));
            if (_sequences.Length == 0 || _prompts.Length != _sequences.Length)
                throw new ModelFileException(path, "the tensors 'sequence_start' and 'prompt_start' need one element more than there are samples");
        }
        catch (Exception error)
        {
            _file.Dispose();
            if (error is FormatException)
                throw new ModelFileException(path, error.Message, error);
            throw;
        }
    }

    public int Samples => _sequences.Length - 1;

    /// <exception cref="FormatException">The file has no such text.</exception>
    public string Metadata(string key) => _file.Metadata.GetValueOrDefault(key) ?? throw new FormatException($"the metadata have no '{key}'");

    public void Dispose() => _file.Dispose();

    /// <summary>The sample of an index.</summary>
    /// <exception cref="FormatException">The file is broken.</exception>
    /// <exception cref="ArgumentException">A value is out of range.</exception>
    public RecordedSample Read(int i, IReadOnlyList<SamplingOptions> options)
    {
        long firstPrompt = _prompts[i], first = _sequences[i];
        int[] prompt = Slice<int>("prompt", firstPrompt, _prompts[i + 1] - firstPrompt);
        int setting = One<int>("options", i), limit = One<int>("max_new_tokens", i);
        if (setting < 0 || setting >= options.Count)
            throw new FormatException($"sample {i} has options {setting} of {options.Count}");
        return new RecordedSample
        {
            Request = One<int>("request", i),
            Index = One<int>("sample", i),
            Prompt = [.. prompt.Select(id => new ConceptToken(id))],
            Sampling = options[setting] with { Seed = One<ulong>("seed", i) },
            MaxNewTokens = limit > 0 ? limit : null,
            FinishReason = RecordLayout.ReasonOf(One<byte>("finished", i)),
            Tokens = ReadTokens(first, _sequences[i + 1] - first),
        };
    }

    private RecordedToken[] ReadTokens(long first, long count)
    {
        int[] tokens = Slice<int>("token", first, count);
        byte[] soft = Slice<byte>("soft", first, count), switches = Slice<byte>("switch", first, count);
        long[] starts = Slice<long>("entry_start", first, count + 1);
        var result = new RecordedToken[tokens.Length];
        bool hard = false;
        for (int i = 0; i < result.Length; i++)
        {
            hard = switches[i] == 1 || (hard && switches[i] != 2);
            long entry = starts[i], entries = starts[i + 1] - starts[i];
            int[] ids = Slice<int>("ids", entry, entries);
            ConceptEntry[] mixture = [.. ids.Zip(Slice<float>("weights", entry, entries), (id, weight) => new ConceptEntry(id, weight))];
            TokenRecord record = ReadRecord(first + i, entry, entries) with { Hard = hard, Switched = switches[i] != 0 };
            result[i] = new RecordedToken(new ConceptToken(tokens[i], mixture), soft[i] != 0, record);
        }
        return result;
    }

    private TokenRecord ReadRecord(long token, long entry, long entries)
    {
        float[] scores = _scored ? Slice<float>(RecordLayout.Scores, entry, entries) : [];
        return new TokenRecord
        {
            Entropy = One<float>("entropy", token),
            Entropy1 = One<float>("entropy_1", token),
            PMax = One<float>("p_max", token),
            PMax1 = One<float>("p_max_1", token),
            LogSumExp = One<float>("lse", token),
            LogSumExp1 = One<float>("lse_1", token),
            Confidence = One<float>("confidence", token),
            EntropyTop20 = One<float>("entropy_top20", token),
            EntropyKept = One<float>("entropy_kept", token),
            TokenLogP1 = One<float>("token_log_p1", token),
            LogProb = One<float>("log_prob", token),
            LogP1 = Slice<float>("log_p1", entry, entries),
            LogPt = Slice<float>("log_pt", entry, entries),
            Scores = scores.All(float.IsNaN) ? [] : scores,
            Mixed = One<byte>("mixed", token) != 0,
            Forced = One<byte>("forced", token) != 0,
            Stop = RecordLayout.StopOf(One<byte>("stop", token)),
            Hard = false,
            Switched = false,
        };
    }

    private T One<T>(string name, long at) where T : unmanaged => Slice<T>(name, at, 1)[0];

    /// <exception cref="FormatException">The tensor does not have these elements.</exception>
    private unsafe T[] Slice<T>(string name, long first, long count) where T : unmanaged
    {
        long length = LengthOf(name);
        if (first < 0 || count < 0 || count > length - first || count > Array.MaxLength)
            throw new FormatException($"elements {first} to {first + count} of '{name}', which has {length}, are used");
        var values = new T[count];
        // Not always aligned, so copied as bytes.
        fixed (T* target = values)
            Buffer.MemoryCopy((byte*)_file.Pointer(name) + first * sizeof(T), target, count * sizeof(T), count * sizeof(T));
        return values;
    }

    private long LengthOf(string name) => _file.Tensors[name].Shape[0];

    private void Check(string path, string name, TensorDtype dtype)
    {
        if (!_file.Tensors.TryGetValue(name, out TensorInfo? tensor))
        {
            if (name != RecordLayout.Scores)
                throw new ModelFileException(path, $"the tensor '{name}' is missing");
            return;
        }
        if (tensor.Dtype != dtype || tensor.Shape.Length != 1)
            throw new ModelFileException(path, $"the tensor '{name}' is not a list of {dtype.FileName()}");
    }
}
