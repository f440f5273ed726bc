using SoftThinking.Evaluation.Results;
using SoftThinking.Json;
using SoftThinking.Templating;

namespace SoftThinking.Evaluation.Runs;

/// <summary>Answers with an engine of this process.</summary>
/// <param name="engine">The engine, which is disposed with the source.</param>
/// <param name="template">What all requests have in common; its prompt is a conversation without the question.</param>
public sealed class EngineSource(Engine engine, GenerationRequest template) : IAnswerSource
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<SampleResult>> AnswerAsync(AnswerRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        try
        {
            GenerationResult result = await engine.GenerateAsync(RequestOf(request), cancellation);
            return [.. result.Samples.Select(sample => ResultOf(sample, request.Trace))];
        }
        catch (Exception error) when (error is GenerationException or BackendException or TemplateException or ArgumentException)
        {
            return SampleResult.Failed(request.Sampling.Seed ?? 0, request.Samples, error.Message);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => engine.DisposeAsync();

    private GenerationRequest RequestOf(AnswerRequest request)
    {
        ChatPrompt chat = (ChatPrompt)template.Prompt;
        return template with
        {
            Prompt = chat with { Messages = [.. chat.Messages, new ChatMessage("user", request.Message)] },
            Sampling = request.Sampling,
            Samples = request.Samples,
        };
    }

    private SampleResult ResultOf(GeneratedSample sample, bool trace)
    {
        List<GeneratedToken> thoughts = [.. sample.Tokens.Where(token => token.Thinking)];
        return new SampleResult
        {
            Seed = sample.Seed,
            Thinking = sample.Thinking,
            Answer = sample.Answer,
            ThinkingTokens = sample.Usage.ThinkingTokens,
            AnswerTokens = sample.Usage.CompletionTokens - sample.Usage.ThinkingTokens,
            FinishReason = SampleJson.NameOf(sample.FinishReason),
            ThinkingEnd = sample.ThinkingEnd is ThinkingEnd end ? SampleJson.NameOf(end) : null,
            Mixtures = thoughts.Count(token => token.Token.Count > 1),
            MeanEntropy = thoughts.Count > 0 ? thoughts.Average(token => (double)token.Entropy) : null,
            Confidence = sample.Confidence?.Least,
            Trace = trace ? [.. sample.Tokens.Select(Traced)] : null,
        };
    }

    private TracedToken Traced(GeneratedToken token) => new(token.Text, token.Entropy, token.Thinking, token.Token.Count > 1
        ? [.. token.Token.Entries.OrderByDescending(entry => entry.Weight)
            .Select(entry => new TracedEntry(entry.Id, engine.Tokenizer.TokenText(entry.Id), entry.Weight))]
        : []);
}
