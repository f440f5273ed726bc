using System.Text.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.OpenAi;

/// <summary><c>/v1/completions</c> of the OpenAI API: the continuation of raw text. Its text is all that the model writes, thoughts and
/// their markers included, and stop strings match in all of it. Without <c>max_tokens</c> it goes on to the end of the context, not for
/// the 16 tokens of the OpenAI API, which no thought fits in.</summary>
internal sealed class Completions : IDialect
{
    /// <summary>The fields of a request. The later ones override the earlier.</summary>
    public static FieldSet<Call> Fields { get; } = new(
    [
        new("prompt", RawPrompts.TextsOrIds("What to continue. Several prompts give their choices in order, each with the same seeds."),
            RawPrompts.ReadTextsOrIds)
        {
            Required = true,
        },
        RawPrompts.AddSpecialTokens,
        CommonFields.Model,
        CommonFields.Stream,
        CommonFields.StreamOptions,
        CommonFields.Samples("n"),
        CommonFields.MaxTokens("max_tokens", "Most generated tokens; by default as many as the context holds."),
        CommonFields.Stops("stop"),
        .. CommonFields.Ends,
        new("logprobs", Schemas.Integer("Log-probabilities of the tokens, and of so many of the most likely ones at each position.", 0, 20),
            (call, field) => (call with { LogProbs = true }).With(request => request with { LogProbs = field.Number<int>() })),
        .. CommonFields.Sampling,
        .. CommonFields.Tokens,
        CommonFields.Refused("echo", Schemas.Flag("Not supported."), value => value.ValueKind == JsonValueKind.False,
            ": the text is that after the prompt"),
        CommonFields.Refused("best_of", Schemas.Integer("Not supported.", 1, 1), IsOne, "; n gives several choices"),
        CommonFields.Refused("suffix", Schemas.Text("Not supported."), value => value.ValueKind == JsonValueKind.String && value.ValueEquals(""), ""),
    ]);

    public Call Read(JsonElement body, CallContext context) => RawPrompts.Encode(Fields.Read(body, context.NewText()), context, "prompt");

    public void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context) => new CompletionWriter(call, context).Write(json, reply);

    public IReplyWriter Stream(EventStream stream, Call call, CallContext context) =>
        new CompletionStream(stream, call, new CompletionWriter(call, context));

    public void WriteError(Utf8JsonWriter json, WireError error) => OpenAiError.Write(json, error);

    private static bool IsOne(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number == 1;
}
