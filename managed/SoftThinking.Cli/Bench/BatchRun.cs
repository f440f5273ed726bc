using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SoftThinking.Cli;

/// <summary>A batch of requests, with the arrival time of each token.</summary>
internal sealed class BatchRun
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Sequence[] _sequences;

    private BatchRun(int count) => _sequences = [.. Enumerable.Range(0, count).Select(_ => new Sequence())];

    /// <summary>Seconds until the last sequence had its first token.</summary>
    public double AllStarted => Seconds(_sequences.Max(sequence => sequence.At[0]));

    /// <summary>Seconds until a sequence had its first token, on average.</summary>
    public double TimeToFirstToken => _sequences.Average(sequence => Seconds(sequence.At[0]));

    /// <summary>Seconds until all sequences had ended.</summary>
    public double AllEnded => Seconds(_sequences.Max(sequence => sequence.At[^1]));

    /// <summary>Fraction of the generated tokens that are mixtures of several entries.</summary>
    public double MixedFraction => _sequences.SelectMany(sequence => sequence.Tokens).Average(token => token.Token.Count > 1 ? 1.0 : 0.0);

    public int CachedTokens => _sequences.Sum(sequence => sequence.Cached);

    /// <summary>Tokens per second of all sequences together, from the start of the last one to the end of the first one. If they
    /// never all ran concurrently, from the first token to the last.</summary>
    public double TokensPerSecond
    {
        get
        {
            long from = _sequences.Max(sequence => sequence.At[0]), to = _sequences.Min(sequence => sequence.At[^1]);
            if (to <= from)
                (from, to) = (_sequences.Min(sequence => sequence.At[0]), _sequences.Max(sequence => sequence.At[^1]));
            int tokens = _sequences.Sum(sequence => sequence.At.Count(at => at > from && at <= to));
            return tokens / Stopwatch.GetElapsedTime(from, to).TotalSeconds;
        }
    }

    /// <summary>Median seconds between two tokens of a sequence, one per engine step; not affected by a few slow steps.</summary>
    public double MedianStepSeconds => BenchReport.Median(_sequences.SelectMany(sequence =>
        sequence.At.Zip(sequence.At.Skip(1), (from, to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds)));

    /// <summary>The first 16 digits of the SHA-256 of all tokens' ids, weights and entropies, in the order of the requests.</summary>
    public string Hash
    {
        get
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (GeneratedToken token in _sequences.SelectMany(sequence => sequence.Tokens))
            {
                int entries = token.Token.Count;
                int[] ids = [.. token.Token.Entries.Select(entry => entry.Id)];
                float[] weights = [.. token.Token.Entries.Select(entry => entry.Weight)];
                float entropy = token.Entropy;
                hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in entries)));
                hash.AppendData(MemoryMarshal.AsBytes(ids.AsSpan()));
                hash.AppendData(MemoryMarshal.AsBytes(weights.AsSpan()));
                hash.AppendData(MemoryMarshal.AsBytes(new ReadOnlySpan<float>(in entropy)));
            }
            return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
        }
    }

    /// <summary>Runs all requests concurrently, and records the arrival time of each token.</summary>
    public static async Task<BatchRun> FollowAsync(
        Engine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellation)
    {
        BatchRun run = new(requests.Count);
        await Task.WhenAll(requests.Select((request, i) => run._sequences[i].FollowAsync(engine, request, cancellation)));
        return run;
    }

    /// <summary>Runs all requests concurrently, and waits for their results.</summary>
    public static async Task<BatchRun> ConcurrentAsync(
        Engine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellation)
    {
        BatchRun run = new(requests.Count);
        await Task.WhenAll(requests.Select((request, i) => run._sequences[i].AwaitAsync(engine, request, cancellation)));
        return run;
    }

    /// <summary>Runs the requests one after another.</summary>
    public static async Task<BatchRun> SequentialAsync(
        Engine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellation)
    {
        BatchRun run = new(requests.Count);
        for (int i = 0; i < requests.Count; i++)
            await run._sequences[i].AwaitAsync(engine, requests[i], cancellation);
        return run;
    }

    private double Seconds(long at) => Stopwatch.GetElapsedTime(_start, at).TotalSeconds;

    private sealed class Sequence
    {
        public List<GeneratedToken> Tokens { get; } = [];

        /// <summary>Arrival time of each token; of the last one only if the tokens were not streamed.</summary>
        public List<long> At { get; } = [];

        public int Cached { get; private set; }

        public async Task AwaitAsync(Engine engine, GenerationRequest request, CancellationToken cancellation)
        {
            GeneratedSample sample = (await engine.GenerateAsync(request, cancellation)).Samples[0];
            At.Add(Stopwatch.GetTimestamp());
            Tokens.AddRange(sample.Tokens);
        }

        public async Task FollowAsync(Engine engine, GenerationRequest request, CancellationToken cancellation)
        {
            await foreach (GenerationEvent next in engine.StreamAsync(request, cancellation))
            {
                if (next is GeneratedToken token)
                {
                    At.Add(Stopwatch.GetTimestamp());
                    Tokens.Add(token);
                }
                else if (next is GenerationFinished end)
                {
                    Cached = end.Usage.CachedTokens;
                }
            }
        }
    }
}
