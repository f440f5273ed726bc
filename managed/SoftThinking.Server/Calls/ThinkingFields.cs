using SoftThinking.Chat;
using SoftThinking.Json;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Calls;

/// <summary>Fields that say how long the model may think. For a model that does not think they have no effect.</summary>
internal static class ThinkingFields
{
    private static readonly FieldSet<Call> Switch = new(
    [
        new("budget_tokens", Schemas.Integer("Most thoughts; then the end of thinking is forced.", 0), ReadBudget),
        new("type", Schemas.Choice("Whether the model thinks.", ["enabled", "adaptive", "disabled"]), ReadType) { Required = true },
        new("display", Schemas.Choice("Whether the reply has the thought.", ["summarized", "omitted"]), ReadDisplay),
    ]);

    /// <summary>An object that turns thinking on or off.</summary>
    public static Field<Call> Thinking { get; } = new("thinking", Schemas.Object("{\"type\": \"enabled\" | \"adaptive\" | \"disabled\", \"budget_tokens\"}: whether the model thinks."),
        (call, field) => Switch.Read(field.Value, call, $"{field.Key}."));

    /// <summary>A level of effort.</summary>
    public static Field<Call> Effort(string name) => new(name, Schemas.Choice("How long the model may think; none turns thinking off.", ReasoningEffort.Levels),
        (call, field) => WithEffort(call, OneOf.Read(field, ReasoningEffort.Levels)));

    private static Call ReadType(Call call, JsonField field) => OneOf.Read(field, ["enabled", "adaptive", "disabled"]) == "disabled" ? WithEffort(call, ReasoningEffort.None) : call;

    private static Call ReadBudget(Call call, JsonField field)
    {
        int budget = field.Number<int>();
        return call.ModelThinks ? call.WithSampling(sampling => sampling with { MaxThinkingTokens = budget }) : call;
    }

    private static Call ReadDisplay(Call call, JsonField field) => OneOf.Read(field, ["summarized", "omitted"]) == "omitted" ? call with { IncludeReasoning = false } : call;

    private static Call WithEffort(Call call, string level) => call.ModelThinks ? call.With(request => ReasoningEffort.Apply(request, level)) : call;
}
