using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace SoftThinking.Cli;

/// <summary>Requests that were submitted together, and when each step came.</summary>
internal sealed class BatchRun
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Sequence[] _sequences;

    private BatchRun(int count) => _sequences = [.. Enumerable.Range(0, count).Select(_ => new Sequence())];

    /// <summary>Seconds until the last sequence had its first step.</summary>
    public double AllBegun => Seconds(_sequences.Max(sequence => sequence.At[0]));

    /// <summary>Seconds until a sequence had its first step, on average.</summary>
    public double TimeToFirstToken => _sequences.Average(sequence => Seconds(sequence.At[0]));

    /// <summary>Seconds until all sequences had ended.</summary>
    public double AllEnded => Seconds(_sequences.Max(sequence => sequence.At[^1]));

    /// <summary>Fraction of the steps that are mixtures of several tokens.</summary>
    public double MixedFraction => _sequences.SelectMany(sequence => sequence.Steps).Average(step => step.Token.Count > 1 ? 1.0 : 0.0);

    public int CachedTokens => _sequences.Sum(sequence => sequence.Cached);

    /// <summary>Steps per second of all sequences together, from when the last one began until the first one ended. Where
    /// that is no time, from the first step to the last: then fewer of them were under way together.</summary>
    public double StepsPerSecond
    {
        get
        {
            long from = _sequences.Max(sequence => sequence.At[0]), to = _sequences.Min(sequence => sequence.At[^1]);
            if (to <= from)
                (from, to) = (_sequences.Min(sequence => sequence.At[0]), _sequences.Max(sequence => sequence.At[^1]));
            int steps = _sequences.Sum(sequence => sequence.At.Count(at => at > from && at <= to));
            return steps / Stopwatch.GetElapsedTime(from, to).TotalSeconds;
        }
    }

    /// <summary>Seconds from one step of a sequence to its next, the median: what a few steps suffered from others does not show.</summary>
    public double MedianStepSeconds => BenchReport.Median(_sequences.SelectMany(sequence =>
        sequence.At.Zip(sequence.At.Skip(1), (from, to) => Stopwatch.GetElapsedTime(from, to).TotalSeconds)));

    /// <summary>The first 16 digits of the SHA-256 of every step's ids, weights and entropy, in the order of the requests.</summary>
    public string Hash
    {
        get
        {
            using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            foreach (GeneratedToken token in _sequences.SelectMany(sequence => sequence.Steps))
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

    /// <summary>Submits all requests at once, and follows their steps.</summary>
    public static async Task<BatchRun> FollowAsync(
        Engine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellation)
    {
        BatchRun run = new(requests.Count);
        await Task.WhenAll(requests.Select((request, i) => run._sequences[i].FollowAsync(engine, request, cancellation)));
        return run;
    }

    /// <summary>Submits all requests at once, and waits for their ends.</summary>
    public static async Task<BatchRun> TogetherAsync(
        Engine engine, IReadOnlyList<GenerationRequest> requests, CancellationToken cancellation)
    {
        BatchRun run = new(requests.Count);
        await Task.WhenAll(requests.Select((request, i) => run._sequences[i].AwaitAsync(engine, request, cancellation)));
        return run;
    }

    /// <summary>Submits each request when the one before it has ended.</summary>
    public static async Task<BatchRun> OneByOneAsync(
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
        public List<GeneratedToken> Steps { get; } = [];

        /// <summary>When each step came; without following, when the last one had come.</summary>
        public List<long> At { get; } = [];

        public int Cached { get; private set; }

        public async Task AwaitAsync(Engine engine, GenerationRequest request, CancellationToken cancellation)
        {
            GeneratedSample sample = (await engine.GenerateAsync(request, cancellation)).Samples[0];
            At.Add(Stopwatch.GetTimestamp());
            Steps.AddRange(sample.Tokens);
        }

        public async Task FollowAsync(Engine engine, GenerationRequest request, CancellationToken cancellation)
        {
            await foreach (GenerationEvent next in engine.StreamAsync(request, cancellation))
            {
                if (next is GeneratedToken token)
                {
                    At.Add(Stopwatch.GetTimestamp());
                    Steps.Add(token);
                }
                else if (next is GenerationFinished end)
                {
                    Cached = end.Usage.CachedTokens;
                }
            }
        }
    }
}
