using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SoftThinking.Evaluation.Results;

/// <summary>How results are written as JSON: one line an item.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ItemResult))]
[JsonSerializable(typeof(RunManifest))]
[JsonSerializable(typeof(PublishedResult[]))]
[JsonSerializable(typeof(PublishedStatistics))]
internal sealed partial class ResultsJson : JsonSerializerContext
{
    /// <summary>One object on one line.</summary>
    public static ResultsJson Line => Formats.Line;

    /// <summary>For files that people read.</summary>
    public static ResultsJson Indented => Formats.Indented;

    // A class of its own: it needs what the generated part of this one initializes.
    private static class Formats
    {
        public static readonly ResultsJson Line = Create(indented: false), Indented = Create(indented: true);

        // Formulas and texts of every language stay readable.
        private static ResultsJson Create(bool indented) => new(new JsonSerializerOptions(Default.GeneratedSerializerOptions!)
        {
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            WriteIndented = indented,
        });
    }
}
