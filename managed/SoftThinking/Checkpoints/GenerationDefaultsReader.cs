using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads generation_config.json.</summary>
internal static class GenerationDefaultsReader
{
    /// <summary>Reads generation_config.json, which is optional in a checkpoint.</summary>
    /// <param name="file">Path of the file, which may be absent.</param>
    /// <param name="config">The model's configuration: limits token ids, and supplies the default EOS tokens.</param>
    /// <exception cref="ModelFileException">The file exists and is broken, or a value is out of its range.</exception>
    public static GenerationDefaults Load(string file, ModelConfig config)
    {
        const double Largest = 100;
        if (JsonSettings.LoadIfExists(file) is not JsonSettings json)
            return new GenerationDefaults { EosIds = config.EosIds };
        int? topK = json.OptionalInteger("top_k", -1, int.MaxValue);
        return new GenerationDefaults
        {
            Temperature = json.OptionalNumber("temperature", 0, Largest),
            TopP = json.OptionalNumber("top_p", 0, 1, open: true),
            TopK = topK is int k ? Math.Max(k, 0) : null,
            MinP = json.OptionalNumber("min_p", 0, 1),
            RepetitionPenalty = json.OptionalNumber("repetition_penalty", 0, Largest, open: true),
            DoSample = json.OptionalFlag("do_sample"),
            EosIds = json.OptionalIds("eos_token_id", config.VocabularySize) ?? config.EosIds,
        };
    }
}
