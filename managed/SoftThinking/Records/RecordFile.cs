using System.Text.Json;
using SoftThinking.Json;

namespace SoftThinking.Records;

/// <summary>A file of recorded samples, as <see cref="RecordWriter"/> and <c>softthinking generate --record</c> write it.</summary>
/// <param name="Model">Name of the model.</param>
/// <param name="Samples">The samples in the order in which they were added.</param>
public sealed record RecordFile(string Model, IReadOnlyList<RecordedSample> Samples)
{
    /// <summary>Reads a file.</summary>
    /// <exception cref="ArgumentNullException">The path is null.</exception>
    /// <exception cref="ModelFileException">The file does not exist, cannot be read, or is not a file of records.</exception>
    public static RecordFile Read(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        using RecordReader reader = new(path);
        try
        {
            SamplingOptions[] options = ReadOptions(reader.Metadata(RecordLayout.OptionsKey));
            return new RecordFile(reader.Metadata(RecordLayout.ModelKey), [.. Enumerable.Range(0, reader.Samples).Select(i => reader.Read(i, options))]);
        }
        catch (Exception error) when (error is FormatException or ArgumentException or JsonException)
        {
            throw new ModelFileException(path, $"the records are broken: {error.Message}", error);
        }
    }

    private static SamplingOptions[] ReadOptions(string text)
    {
        using JsonDocument json = JsonDocument.Parse(text);
        return [.. new JsonField(RecordLayout.OptionsKey, json.RootElement).Elements().Select(options => SamplingJson.Read(options.Value))];
    }
}
