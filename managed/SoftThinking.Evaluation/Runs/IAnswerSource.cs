using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Runs;

/// <summary>A question to a model.</summary>
/// <param name="Message">The user's message.</param>
/// <param name="Sampling">How to sample, with the seed of the first sample.</param>
/// <param name="Samples">Number of samples, 1 to 256; sample i has the seed of the first + i.</param>
/// <param name="Trace">Whether to keep every token.</param>
public sealed record AnswerRequest(string Message, SamplingOptions Sampling, int Samples, bool Trace);

/// <summary>Something that answers: an engine of this process, or servers.</summary>
public interface IAnswerSource : IAsyncDisposable
{
    /// <summary>Returns the samples, not judged yet. One that failed has <see cref="SampleResult.Error"/>.</summary>
    /// <exception cref="OperationCanceledException">Canceled.</exception>
    Task<IReadOnlyList<SampleResult>> AnswerAsync(AnswerRequest request, CancellationToken cancellation);
}
