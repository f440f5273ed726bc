using SoftThinking.Checkpoints.Families;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads config.json into <see cref="ModelConfig"/>, and refuses by name every setting that would otherwise lead to wrong
/// results. Absent keys have the defaults of <see cref="FamilyDefaults"/>; an explicit null means that there is no
/// value.</summary>
internal static class ModelConfigReader
{
    public static ModelConfig Read(JsonSettings json)
    {
        ModelFamily family = FindFamily(json);
        FamilyDefaults defaults = family.Defaults;
        RefuseUnsupported(json);
        int hidden = json.Integer("hidden_size", 1, 1 << 17, defaults.HiddenSize);
        int layers = json.Integer("num_hidden_layers", 1, 1024, defaults.Layers);
        int heads = json.Integer("num_attention_heads", 1, 4096, defaults.Heads);
        int vocabulary = json.Integer("vocab_size", 1, 1 << 22, defaults.VocabularySize);
        int maxPositions = json.Integer("max_position_embeddings", 1, 1 << 28, defaults.MaxPositions);
        int headDim = ReadHeadDim(json, defaults, hidden, heads);
        double rotated = RopeReader.ReadPart(json, family, headDim);
        (bool qkvBias, bool outputBias) = family.Biases(json.OptionalFlag("attention_bias") ?? false);
        ModelConfig config = new()
        {
            Architecture = family.Architecture,
            HiddenSize = hidden,
            Layers = layers,
            Heads = heads,
            KvHeads = ReadKvHeads(json, family, heads),
            HeadDim = headDim,
            FfnSize = json.Integer("intermediate_size", 1, 1 << 20, defaults.FfnSize),
            VocabularySize = vocabulary,
            TieWordEmbeddings = json.OptionalFlag("tie_word_embeddings") ?? defaults.TieWordEmbeddings,
            RopeTheta = RopeReader.ReadTheta(json) ?? defaults.RopeTheta,
            RopeScaling = RopeReader.ReadScaling(json, family, maxPositions, (int)(headDim * rotated)),
            RotatedPart = rotated,
            NormEpsilon = json.Number("rms_norm_eps", 0, 1, open: true, defaults.NormEpsilon),
            MaxPositions = maxPositions,
            QkvBias = qkvBias,
            OutputBias = outputBias,
            Quantization = Fp8ConfigReader.Read(json),
            BosId = json.Has("bos_token_id")
                ? json.OptionalInteger("bos_token_id", 0, vocabulary - 1)
                : Within(vocabulary, defaults.BosId),
            EosIds = json.Has("eos_token_id")
                ? json.OptionalIds("eos_token_id", vocabulary) ?? []
                : Within(vocabulary, defaults.EosId) is int end ? [end] : [],
        };
        config = SlidingWindow.Read(json, config);
        return family.ReadLayers(json, config) is IEnumerable<LayerConfig> different ? config with { LayerConfigs = [.. different] } : config;
    }

    // In test models, the vocabulary can be so small that a default is outside it.
    private static int? Within(int vocabulary, int? id) => id < vocabulary ? id : null;

    private static ModelFamily FindFamily(JsonSettings json)
    {
        string? className = json.OptionalTexts("architectures") is [string first, ..] ? first : null;
        string? modelType = json.OptionalText("model_type");
        ModelFamily? found = ModelFamily.All.FirstOrDefault(
            known => className is null ? modelType == known.ModelType : className == known.ClassName);
        if (found != null)
            return found;
        string supported = string.Join(", ", ModelFamily.All.Select(known => known.ClassName));
        if (className is not null)
            throw json.Refuse("architectures", $"names {HostileText.Quote(className)}; supported are {supported}");
        throw modelType is null
            ? json.Refuse("architectures", $"is missing, as is model_type; supported are {supported}")
            : json.Refuse("model_type", $"is {HostileText.Quote(modelType)}; supported are {supported}");
    }

    private static void RefuseUnsupported(JsonSettings json)
    {
        if (json.OptionalText("hidden_act") is string activation && activation != "silu")
            throw json.Refuse("hidden_act", $"is {HostileText.Quote(activation)}; supported is silu");
        if (json.OptionalFlag("mlp_bias") == true)
            throw json.Refuse("mlp_bias", "is true; feed-forward layers with biases are not supported");
        // Each tensor has its own type in the file; the one in the configuration is only validated.
        json.OptionalTextOf("dtype", "torch_dtype");
    }

    private static int ReadKvHeads(JsonSettings json, ModelFamily family, int heads)
    {
        const string Key = "num_key_value_heads";
        bool given = json.Has(Key);
        int kvHeads = (given ? json.OptionalInteger(Key, 1, heads) : family.Defaults.KvHeads) ?? heads;
        return heads % kvHeads == 0
            ? kvHeads
            : throw json.Refuse(Key, (given ? $"is {kvHeads}" : $"is absent, which means {kvHeads} for {family.ClassName}")
                + $"; that does not divide the {heads} of num_attention_heads");
    }

    private static int ReadHeadDim(JsonSettings json, FamilyDefaults defaults, int hidden, int heads)
    {
        const int Largest = 512;
        int? given = json.OptionalInteger("head_dim", 2, Largest) ?? defaults.HeadDim;
        if (given is null && hidden % heads != 0)
        {
            throw json.Refuse("head_dim", $"is missing, and hidden_size {hidden} is not a multiple of "
                + $"num_attention_heads {heads}");
        }
        int headDim = given ?? hidden / heads;
        return headDim is >= 2 and <= Largest && headDim % 2 == 0
            ? headDim
            : throw json.Refuse("head_dim", $"{(given is null ? "(hidden_size / num_attention_heads) " : "")}"
                + $"is {headDim}; it must be even and from 2 to {Largest}");
    }
}
