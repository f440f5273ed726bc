using System.Text.Json;
using System.Text.Json.Nodes;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.OpenAi;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Native;

/// <summary><c>/generate</c> as SGLang has it and trainers of soft thoughts use it: the continuation of a text or of token ids, with
/// log-probabilities and concept tokens as plain lists. The text is all that the model writes. Log-probabilities are those of the model at
/// temperature 1 before any filter, and only of generated tokens. Without <c>max_new_tokens</c> it goes on to the end of the
/// context.</summary>
internal sealed class Generate : IDialect
{
    private const string TextField = "text", IdsField = "input_ids", SamplingField = "sampling_params", StartField = "logprob_start_len";

    /// <summary>The fields of "sampling_params".</summary>
    private static readonly FieldSet<Call> SamplingFields = new(
    [
        CommonFields.MaxTokens("max_new_tokens", "Most generated tokens; by default as many as the context holds."),
        CommonFields.Stops("stop"),
        .. CommonFields.EndsWithLeast("min_new_tokens"),
        CommonFields.Samples("n"),
        .. CommonFields.Sampling,
        new("sampling_seed", Schemas.Integer("The same as seed.", 0),
            (call, field) => call.WithSampling(sampling => sampling with { Seed = field.Number<ulong>() })),
        new("skip_special_tokens", Schemas.Flag("Whether special tokens have no text; by default they have none."),
            (call, field) => call with { SpecialTokens = !field.Flag() }),
        new("no_stop_trim", Schemas.Flag("Whether the text has the stop that ended it."), (call, field) => call with { KeepStop = field.Flag() }),
        .. new[] { "json_schema", "regex", "ebnf", "structural_tag" }.Select(name => Refused(name, ", as there are no grammars")),
        Refused("stop_regex", "; stop has texts"),
    ]);

    /// <summary>The fields of a request. The later ones override the earlier.</summary>
    public static FieldSet<Call> Fields { get; } = new(
    [
        new(TextField, RawPrompts.Texts("What to continue. A list gives a list of results in its order, each prompt with the same seeds."),
            RawPrompts.ReadTexts),
        new(IdsField, RawPrompts.Ids("The same as token ids."), RawPrompts.ReadIds),
        CommonFields.Stream,
        new("rid", Schemas.Text("Id of the request, which its results get, too; with \"_\" and their number where there are several."),
            (call, field) => call with { Id = field.Text() }),
        new("return_logprob", Schemas.Flag("Whether the results have the log-probabilities of their tokens."),
            (call, field) => field.Flag() ? (call with { LogProbs = true }).With(request => request with { LogProbs = 0 }) : call),
        new("top_logprobs_num", Schemas.Integer("With return_logprob: how many of the most likely tokens have theirs, too.", 0, 20),
            (call, field) => call.With(request => request with { LogProbs = field.Number<int>() is int count && call.LogProbs ? count : null })),
        new("record", Schemas.Flag("Whether the results have how each token was sampled: log-probabilities of its entries, scores and statistics."),
            (call, field) => call.With(request => request with { Record = field.Flag() })),
        new(StartField,
            Schemas.Integer("With return_logprob: the first position of interest; -1, or the prompt's length or more, as the prompt has none.", -1),
            (call, field) => call with { LogProbStart = field.Number<int>() }),
        new(SamplingField, SamplingFields.Schema("How to sample."), (call, field) => SamplingFields.Read(field.Value, call, field.Key + ".")),
        Refused("input_embeds", "; input_ids has token ids"),
        Refused("image_data", ""),
        Refused("audio_data", ""),
        Refused("video_data", ""),
        Refused("lora_path", ""),
        Refused("custom_logit_processor", ""),
        CommonFields.Refused("return_hidden_states", Schemas.Flag("Not supported."), value => value.ValueKind == JsonValueKind.False, ""),
    ]);

    public Call Read(JsonElement body, CallContext context)
    {
        Call call = Fields.Read(body, context.NewText());
        call = RawPrompts.Encode(call, context, RequestBody.OnlyOneOf(body, TextField, IdsField));
        if (call.LogProbs && call.LogProbStart >= 0 && call.Requests.Any(request => call.LogProbStart < ((TokenPrompt)request.Prompt).Tokens.Count))
        {
            throw new JsonFieldException(StartField, $"{StartField} must be -1, or the length of the prompt or more, not {call.LogProbStart}: "
                + "log-probabilities of the prompt are not available");
        }
        return call;
    }

    public void Write(Utf8JsonWriter json, Reply reply, Call call, CallContext context) => new GenerateWriter(call, context).Write(json, reply);

    public IReplyWriter Stream(EventStream stream, Call call, CallContext context) =>
        new GenerateStream(stream, call, new GenerateWriter(call, context));

    public void WriteError(Utf8JsonWriter json, WireError error) => OpenAiError.Write(json, Named(error));

    /// <summary>The error with the name that this dialect has for its field.</summary>
    public static WireError Named(WireError error) => error.Field switch
    {
        "max_tokens" => error.WithField(SamplingField + ".max_new_tokens"),
        "min_tokens" => error.WithField(SamplingField + ".min_new_tokens"),
        string field when SamplingJson.Keys.Any(key => key.Name == field) => error.WithField($"{SamplingField}.{field}"),
        _ => error,
    };

    private static Field<Call> Refused(string name, string instead) =>
        CommonFields.Refused(name, new JsonObject { ["description"] = "Not supported." }, _ => false, instead);
}
