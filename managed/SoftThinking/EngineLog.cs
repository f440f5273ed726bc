using Microsoft.Extensions.Logging;

namespace SoftThinking;

/// <summary>The log messages of an engine.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(1, LogLevel.Information, "Loaded {model}: weights {weightBytes} bytes, KV cache {blocks} blocks of 16 positions, context {context}")]
    public static partial void Loaded(ILogger logger, string model, long weightBytes, int blocks, int context);

    [LoggerMessage(2, LogLevel.Debug, "Started sample {sample}: {promptTokens} prompt tokens, {cachedTokens} of them cached")]
    public static partial void Started(ILogger logger, int sample, int promptTokens, int cachedTokens);

    [LoggerMessage(3, LogLevel.Debug, "Finished sample {sample}: {tokens} tokens, {reason}")]
    public static partial void Finished(ILogger logger, int sample, int tokens, FinishReason reason);

    [LoggerMessage(4, LogLevel.Debug, "KV blocks ran out: {count} samples released theirs and will be computed again")]
    public static partial void Preempted(ILogger logger, long count);

    [LoggerMessage(5, LogLevel.Warning, "A request failed: {message}")]
    public static partial void RequestFailed(ILogger logger, string message);

    [LoggerMessage(6, LogLevel.Error, "The engine failed; all its requests end")]
    public static partial void Failed(ILogger logger, Exception error);

    [LoggerMessage(7, LogLevel.Debug, "No CUDA device, so the CPU computes: {reason}")]
    public static partial void NoCuda(ILogger logger, string reason);

    [LoggerMessage(8, LogLevel.Information, "Prompts are multiplied by {library}: results may depend on concurrent requests")]
    public static partial void FastPrefill(ILogger logger, string library);

    [LoggerMessage(9, LogLevel.Warning, "Fast prefill has no effect: {reason}")]
    public static partial void NoFastPrefill(ILogger logger, string reason);

    [LoggerMessage(10, LogLevel.Debug, "Scored {tokens} recorded tokens")]
    public static partial void Scored(ILogger logger, int tokens);

    [LoggerMessage(20, LogLevel.Warning, "No file of {model} names a token that ends a text: generation runs to its limit, unless a stop string ends it")]
    public static partial void NoEndOfText(ILogger logger, string model);

    [LoggerMessage(21, LogLevel.Warning, "{count} tensors of {model} are not used, such as {name}; `inspect` lists them")]
    public static partial void UnusedTensors(ILogger logger, string model, int count, string name);
}
