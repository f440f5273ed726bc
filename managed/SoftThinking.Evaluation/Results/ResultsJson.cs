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
    // Formulas and texts of every language stay readable.
    private static readonly JavaScriptEncoder Readable = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;

    /// <summary>One object on one line.</summary>
    public static ResultsJson Line { get; } = new(new JsonSerializerOptions(Default.Options) { Encoder = Readable });

    /// <summary>For files that people read.</summary>
    public static ResultsJson Indented { get; } = new(new JsonSerializerOptions(Default.Options) { Encoder = Readable, WriteIndented = true });
}
