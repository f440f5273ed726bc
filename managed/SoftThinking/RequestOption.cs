namespace SoftThinking;

/// <summary>An option of a request whose values depend on the model or on other options, so that only the engine can check them.</summary>
/// <param name="Property">Its name in the library.</param>
/// <param name="Key">Its published name, a key of JSON.</param>
internal sealed record RequestOption(string Property, string Key)
{
    public static readonly RequestOption
        MinNewTokens = new(nameof(GenerationRequest.MinNewTokens), "min_new_tokens"),
        MaxTopk = new(nameof(SamplingOptions.MaxTopk), "max_topk"),
        LogitBias = new(nameof(SamplingOptions.LogitBias), "logit_bias"),
        ThinkStart = new(nameof(SamplingOptions.ThinkStart), "think_start_str"),
        ThinkEnd = new(nameof(SamplingOptions.ThinkEnd), "think_end_str"),
        ThinkEndText = new(nameof(SamplingOptions.ThinkEndText), "think_end_text"),
        StartBlendId = new($"{nameof(SwiReasoningStrategy)}.{nameof(SwiReasoningStrategy.StartBlendId)}", "start_blend_id"),
        HardIds = new($"{nameof(SwiReasoningStrategy)}.{nameof(SwiReasoningStrategy.HardIds)}", "hard_ids"),
        FinalText = new($"{nameof(SwiReasoningStrategy)}.{nameof(SwiReasoningStrategy.FinalText)}", "final_text"),
        EatProbeText = new($"{nameof(EatExit)}.{nameof(EatExit.ProbeText)}", "eat_probe_text"),
        DeerTriggerIds = new($"{nameof(DeerExit)}.{nameof(DeerExit.TriggerIds)}", "deer_trigger_ids"),
        DeerProbeText = new($"{nameof(DeerExit)}.{nameof(DeerExit.ProbeText)}", "deer_probe_text"),
        DeerExitText = new($"{nameof(DeerExit)}.{nameof(DeerExit.ExitText)}", "deer_exit_text");

    /// <param name="problem">What follows the name of the option: "is 5, which …".</param>
    public RequestOptionException Error(string problem) => new(this, problem);
}
