using System.Text.Json;
using SoftThinking.Json;
using SoftThinking.Server.Calls;
using SoftThinking.Server.Wire;

namespace SoftThinking.Server.Native;

/// <summary><c>/detokenize</c>: the text of token ids, special tokens included.</summary>
internal static class Detokenize
{
    /// <summary>The fields of a request.</summary>
    public static FieldSet<int[]> Fields { get; } = new(
    [
        new("tokens", Schemas.Array("The token ids.", Schemas.Integer("An id.", 0)), (_, field) => [.. field.Elements().Select(RawPrompts.ReadId)])
        {
            Required = true,
        },
    ]);

    public static Action<Utf8JsonWriter> Answer(JsonElement body, CallContext context)
    {
        int[] ids = Fields.Read(body, []);
        int vocabulary = context.Model.Engine.Config.VocabularySize, wrong = Array.FindIndex(ids, id => id >= vocabulary);
        if (wrong >= 0)
            throw new JsonFieldException($"tokens[{wrong}]", $"tokens[{wrong}] is {ids[wrong]}, which is outside the vocabulary of {vocabulary}");
        string text = context.Tokenizer.Decode(ids, skipSpecialTokens: false);
        return json =>
        {
            json.WriteStartObject();
            json.WriteString("prompt", text);
            json.WriteString("content", text);
            json.WriteEndObject();
        };
    }
}
