using System.Text.Json.Nodes;
using SoftThinking.Evaluation.Endpoints;
using SoftThinking.Evaluation.Results;

namespace SoftThinking.Evaluation.Runs;

/// <summary>Answers with servers that speak the chat-completions protocol. Each sample is a request of its own, with a seed of its
/// own. Soft-thinking parameters go along under their published names.</summary>
/// <param name="pool">The servers; disposed with the source.</param>
/// <param name="model">The model's name at the servers.</param>
/// <param name="template">What all requests have in common; its prompt is a conversation without the question.</param>
public sealed class EndpointSource(ServerPool pool, string model, GenerationRequest template) : IAnswerSource
{
    /// <inheritdoc/>
    public async Task<IReadOnlyList<SampleResult>> AnswerAsync(AnswerRequest request, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        return await Task.WhenAll(Enumerable.Range(0, request.Samples).Select(i => AnswerAsync(request, i, cancellation)));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        pool.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<SampleResult> AnswerAsync(AnswerRequest request, int sample, CancellationToken cancellation)
    {
        ulong seed = unchecked((request.Sampling.Seed ?? 0) + (ulong)sample);
        try
        {
            return ReplyReader.Read(await pool.ChatAsync(BodyOf(request, seed), cancellation), seed);
        }
        catch (EndpointException error)
        {
            return SampleResult.Failed(seed, 1, error.Message)[0];
        }
    }

    private JsonObject BodyOf(AnswerRequest request, ulong seed)
    {
        SamplingOptions sampling = request.Sampling with { Seed = seed };
        JsonObject body = ParametersOf(sampling);
        ChatPrompt chat = (ChatPrompt)template.Prompt;
        body["model"] = model;
        body["messages"] = new JsonArray(
            [.. chat.Messages.Append(new ChatMessage("user", request.Message)).Select(message => Message(message.Role, message.Content ?? ""))]);
        body["stream"] = false;
        if (template.MaxNewTokens is int tokens)
            body["max_tokens"] = tokens;
        if (template.MinNewTokens > 0)
            body["min_tokens"] = template.MinNewTokens;
        if (template.StopStrings.Count > 0)
            body["stop"] = new JsonArray([.. template.StopStrings.Select(stop => (JsonNode)stop)]);
        if (chat.TemplateVariables is JsonObject variables)
            body["chat_template_kwargs"] = variables.DeepClone();
        return body;
    }

    /// <summary>All sampling options under their published names. The names that every server knows hold for the whole text where
    /// thoughts are not soft.</summary>
    private static JsonObject ParametersOf(SamplingOptions sampling)
    {
        JsonObject parameters = EvaluationSetting.ToJson(sampling);
        parameters.Remove("no_soft_thinking");
        parameters["enable_soft_thinking"] = sampling.SoftThinking;
        if (!sampling.SoftThinking)
        {
            foreach (string name in new[] { "temperature", "top_p", "top_k", "min_p" })
                parameters[name] = parameters["after_thinking_" + name]!.DeepClone();
        }
        return parameters;
    }

    private static JsonNode Message(string role, string content) => new JsonObject { ["role"] = role, ["content"] = content };
}
