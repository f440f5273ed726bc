using System.Diagnostics;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Telemetry;

/// <summary>The span of a generation, with the attributes of OpenTelemetry's conventions for generative AI. It has no texts.</summary>
internal sealed class GenerationSpan : IDisposable
{
    public const string SourceName = "SoftThinking.Server";

    private static readonly ActivitySource Source = new(SourceName);

    private readonly Activity _activity;
    private readonly ReplyUsage _usage = new();
    private readonly string?[] _finishReasons;
    private int _mixtures;

    private GenerationSpan(Activity activity, Call call, CallContext context)
    {
        _activity = activity;
        _finishReasons = new string?[call.Choices];
        SamplingOptions sampling = call.Request.Sampling;
        FilterOptions filters = sampling.SoftThinking ? sampling.Thinking : sampling.AfterThinking;
        activity.SetTag("gen_ai.operation.name", OperationOf(call));
        activity.SetTag("gen_ai.provider.name", "softthinking");
        activity.SetTag("gen_ai.request.model", context.Model.Name);
        activity.SetTag("gen_ai.response.model", context.Model.Name);
        activity.SetTag("gen_ai.response.id", context.Id);
        activity.SetTag("gen_ai.request.stream", call.Stream);
        activity.SetTag("gen_ai.request.max_tokens", call.Request.MaxNewTokens);
        activity.SetTag("gen_ai.request.choice.count", call.Choices);
        activity.SetTag("gen_ai.request.seed", sampling.Seed is ulong seed and <= long.MaxValue ? (long)seed : null);
        activity.SetTag("gen_ai.request.temperature", (double)filters.Temperature);
        activity.SetTag("gen_ai.request.top_p", (double)filters.TopP);
        activity.SetTag("gen_ai.request.top_k", filters.TopK);
        activity.SetTag("softthinking.soft_thinking", sampling.SoftThinking);
        activity.SetTag("softthinking.max_thinking_tokens", sampling.MaxThinkingTokens);
    }

    /// <summary>Starts a span; null if nobody listens, or it is not sampled.</summary>
    public static GenerationSpan? Start(Call call, CallContext context)
    {
        Activity? activity = Source.StartActivity($"{OperationOf(call)} {context.Model.Name}");
        return activity is { IsAllDataRequested: true } ? new GenerationSpan(activity, call, context) : null;
    }

    public void Add(ReplyEvent next)
    {
        _usage.Add(next);
        if (next is ReplyPiece { Delta.Token: { Token.IsPlain: false } })
            _mixtures++;
        if (next is ReplyEnded ended)
            _finishReasons[ended.Choice] = ended.FinishReason;
    }

    /// <summary>The generation could not be completed.</summary>
    public void Fail(WireError error) => Fail(error.Code ?? error.Kind);

    /// <summary>The server stops before the end of the generation.</summary>
    public void CutShort() => Fail("server_stopped");

    /// <summary>The client is gone.</summary>
    public void Abandon() => _activity.SetTag("error.type", "cancelled");

    public void Dispose()
    {
        _activity.SetTag("gen_ai.usage.input_tokens", _usage.PromptTokens);
        _activity.SetTag("gen_ai.usage.output_tokens", _usage.CompletionTokens);
        _activity.SetTag("gen_ai.response.finish_reasons", _finishReasons.OfType<string>().ToArray());
        _activity.SetTag("softthinking.usage.cached_tokens", _usage.CachedTokens);
        _activity.SetTag("softthinking.usage.thinking_tokens", _usage.ThinkingTokens);
        _activity.SetTag("softthinking.usage.mixtures", _mixtures);
        _activity.Dispose();
    }

    private void Fail(string type)
    {
        _activity.SetTag("error.type", type);
        _activity.SetStatus(ActivityStatusCode.Error);
    }

    private static string OperationOf(Call call) => call.Request.Prompt is ChatPrompt ? "chat" : "text_completion";
}
