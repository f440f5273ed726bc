using System.Text.Json;
using SoftThinking.Checkpoints;
using SoftThinking.Diagnostics;

namespace SoftThinking.Cli;

/// <summary>Prints the results of `inspect` as one JSON object. Sizes are in bytes.</summary>
internal static class InspectJson
{
    public static void Write(TextWriter output, ModelFacts facts) => JsonLine.WriteIndented(output, json =>
    {
        json.WriteString("model", facts.Model);
        WriteModel(json, facts.Found);
        WriteMemory(json, facts);
        WriteTokenizer(json, facts);
        WriteTemplate(json, facts);
        WriteDefaults(json, facts.Found.Defaults);
    });

    private static void WriteModel(Utf8JsonWriter json, ModelInspection found)
    {
        ModelConfig config = found.Config;
        json.WriteString("architecture", config.Architecture.ToString());
        json.WriteNumber("layers", config.Layers);
        json.WriteNumber("hidden_size", config.HiddenSize);
        json.WriteNumber("heads", config.Heads);
        json.WriteNumber("kv_heads", config.KvHeads);
        json.WriteNumber("head_dim", config.HeadDim);
        json.WriteNumber("ffn_size", config.FfnSize);
        json.WriteString("experts", found.Experts);
        json.WriteNumber("vocabulary_size", config.VocabularySize);
        json.WriteNumber("context", config.MaxPositions);
        json.WriteBoolean("tied_embeddings", config.TieWordEmbeddings);
        json.WriteBoolean("qkv_bias", config.QkvBias);
        json.WriteBoolean("qk_norm", config.QkNorm);
        json.WriteNumber("norm_epsilon", config.NormEpsilon);
        if (config.SlidingWindow is int window)
        {
            json.WriteNumber("sliding_window", window);
            json.WriteStartArray("sliding_layers");
            foreach (int layer in config.SlidingLayers)
                json.WriteNumberValue(layer);
            json.WriteEndArray();
        }
        json.WriteStartObject("rope");
        json.WriteNumber("theta", config.RopeTheta);
        json.WriteString("scaling", found.RopeScaling);
        json.WriteEndObject();
        json.WriteNumber("parameters", found.Parameters);
        WriteTexts(json, "dtypes", found.Dtypes);
        json.WriteString("format", found.Format);
        json.WriteNumber("bits_per_weight", Math.Round(found.BitsPerWeight, 3));
        WriteLayers(json, found.Layers);
        WriteTexts(json, "unused_tensors", found.UnusedTensors);
    }

    private static void WriteLayers(Utf8JsonWriter json, IReadOnlyList<LayerInspection> runs)
    {
        json.WriteStartArray("layer_runs");
        foreach (LayerInspection run in runs)
        {
            json.WriteStartObject();
            json.WriteNumber("first", run.First);
            json.WriteNumber("last", run.Last);
            json.WriteString("attention", run.Window == null ? "full" : "window");
            if (run.Window is int window)
                json.WriteNumber("window", window);
            json.WriteString("rope", run.Rope);
            json.WriteString("qk_norm", run.QkNorm);
            json.WriteNumber("experts", run.Experts);
            json.WriteNumber("experts_per_token", run.ExpertsPerToken);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (string text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private static void WriteMemory(Utf8JsonWriter json, ModelFacts facts)
    {
        ModelInspection found = facts.Found;
        json.WriteStartObject("memory");
        json.WriteNumber("stored", found.StoredBytes);
        json.WriteNumber("weights", found.WeightBytes);
        json.WriteString("kv_dtype", CommonOptions.NameOf(facts.KvDtype));
        json.WriteNumber("kv_per_token", found.KvBytesPerToken);
        json.WriteNumber("kv_full_context", found.KvBytes);
        json.WriteNumber("work", found.WorkBytes);
        json.WriteNumber("needed", found.NeededBytes);
        json.WriteNumber("free", found.FreeBytes);
        json.WriteEndObject();
        WriteRanks(json, found.Ranks);
    }

    private static void WriteRanks(Utf8JsonWriter json, IReadOnlyList<RankInspection> ranks)
    {
        json.WriteStartArray("ranks");
        foreach (RankInspection rank in ranks)
        {
            json.WriteStartObject();
            WriteRange(json, "heads", rank.Heads);
            WriteRange(json, "kv_heads", rank.KvHeads);
            WriteRange(json, "ffn_columns", rank.FfnColumns);
            WriteRange(json, "vocabulary_ids", rank.VocabularyIds);
            json.WriteNumber("weights", rank.WeightBytes);
            json.WriteNumber("kv_full_context", rank.KvBytes);
            json.WriteNumber("work", rank.WorkBytes);
            json.WriteNumber("needed", rank.NeededBytes);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // First, and the one after the last.
    private static void WriteRange(Utf8JsonWriter json, string name, Range range)
    {
        json.WriteStartArray(name);
        json.WriteNumberValue(range.Start.Value);
        json.WriteNumberValue(range.End.Value);
        json.WriteEndArray();
    }

    private static void WriteTokenizer(Utf8JsonWriter json, ModelFacts facts)
    {
        ModelInspection found = facts.Found;
        json.WriteStartObject("tokenizer");
        json.WriteString("kind", found.TokenizerKind);
        json.WriteNumber("vocabulary_size", found.Tokenizer.VocabularySize);
        json.WriteNumber("merges", found.Merges);
        json.WriteStartObject("added_tokens");
        foreach ((string text, int id) in found.AddedTokens)
            json.WriteNumber(text, id);
        json.WriteEndObject();
        json.WriteString("normalizer", found.Normalizer);
        json.WriteString("pre_tokenizer", found.PreTokenizer);
        json.WriteEndObject();
    }

    private static void WriteTemplate(Utf8JsonWriter json, ModelFacts facts)
    {
        json.WriteStartObject("chat_template");
        json.WriteBoolean("present", facts.Found.Template != null);
        if (facts.Found.OpensThought is bool opens)
            json.WriteBoolean("opens_thought", opens);
        else
            json.WriteNull("opens_thought");
        json.WriteNumber("think_end_tokens", facts.Found.ThinkEndTokens);
        json.WriteEndObject();
    }

    private static void WriteDefaults(Utf8JsonWriter json, GenerationDefaults defaults)
    {
        json.WriteStartObject("generation_config");
        json.WriteStartArray("eos_token_id");
        foreach (int id in defaults.EosIds)
            json.WriteNumberValue(id);
        json.WriteEndArray();
        if (defaults.DoSample is bool sample)
            json.WriteBoolean("do_sample", sample);
        WriteNumber(json, "temperature", defaults.Temperature);
        WriteNumber(json, "top_p", defaults.TopP);
        WriteNumber(json, "top_k", defaults.TopK);
        WriteNumber(json, "min_p", defaults.MinP);
        WriteNumber(json, "repetition_penalty", defaults.RepetitionPenalty);
        json.WriteEndObject();
    }

    private static void WriteNumber(Utf8JsonWriter json, string name, double? value)
    {
        if (value is double number)
            json.WriteNumber(name, number);
    }
}
