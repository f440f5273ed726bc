using System.Text.Json;

namespace SoftThinking.Checkpoints;

/// <summary>Turns config.json into <see cref="ModelConfig"/>, refusing by name whatever would otherwise be computed
/// wrongly. Defaults are those of Hugging Face transformers' configuration classes.</summary>
internal static class ModelConfigReader
{
    private const int DefaultQwen3HeadDim = 128;
    private const double DefaultTheta = 10_000;
    private const double DefaultEpsilon = 1e-6;
    private const double LargestTheta = 1e15;

    private static readonly (ModelArchitecture Architecture, string ClassName, string ModelType)[] Supported =
    [
        (ModelArchitecture.Qwen2, "Qwen2ForCausalLM", "qwen2"),
        (ModelArchitecture.Qwen3, "Qwen3ForCausalLM", "qwen3"),
        (ModelArchitecture.Llama, "LlamaForCausalLM", "llama"),
        (ModelArchitecture.Mistral, "MistralForCausalLM", "mistral"),
    ];

    public static ModelConfig Read(JsonSettings json)
    {
        ModelArchitecture architecture = ReadArchitecture(json);
        RefuseUnsupported(json);
        int hidden = json.Integer("hidden_size", 1, 1 << 17);
        int heads = json.Integer("num_attention_heads", 1, 4096);
        int vocabulary = json.Integer("vocab_size", 1, 1 << 22);
        int maxPositions = json.Integer("max_position_embeddings", 1, 1 << 28);
        RefuseSlidingWindow(json, architecture, maxPositions);
        bool attentionBias = json.OptionalFlag("attention_bias") ?? false;
        return new ModelConfig
        {
            Architecture = architecture,
            HiddenSize = hidden,
            Layers = json.Integer("num_hidden_layers", 1, 1024),
            Heads = heads,
            KvHeads = ReadKvHeads(json, heads),
            HeadDim = ReadHeadDim(json, architecture, hidden, heads),
            FfnSize = json.Integer("intermediate_size", 1, 1 << 20),
            VocabularySize = vocabulary,
            TieWordEmbeddings = json.OptionalFlag("tie_word_embeddings") ?? false,
            RopeTheta = ReadTheta(json),
            RopeScaling = ReadScaling(json),
            NormEpsilon = json.OptionalNumber("rms_norm_eps", 0, 1, open: true) ?? DefaultEpsilon,
            MaxPositions = maxPositions,
            QkvBias = architecture switch
            {
                ModelArchitecture.Qwen2 => true,
                ModelArchitecture.Mistral => false,
                _ => attentionBias,
            },
            OutputBias = attentionBias && architecture is ModelArchitecture.Llama or ModelArchitecture.Qwen3,
            BosId = json.OptionalInteger("bos_token_id", 0, vocabulary - 1),
            EosIds = json.OptionalIds("eos_token_id", vocabulary) ?? [],
        };
    }

    private static ModelArchitecture ReadArchitecture(JsonSettings json)
    {
        string? className = json.OptionalFirstText("architectures");
        string? modelType = json.OptionalText("model_type");
        foreach ((ModelArchitecture architecture, string knownClass, string knownType) in Supported)
        {
            if (className is null ? modelType == knownType : className == knownClass)
                return architecture;
        }
        string supported = string.Join(", ", Supported.Select(s => s.ClassName));
        if (className is not null)
            throw json.Refuse("architectures", $"names {HostileText.Quote(className)}; supported are {supported}");
        throw modelType is null
            ? json.Refuse("architectures", $"is missing, as is model_type; supported are {supported}")
            : json.Refuse("model_type", $"is {HostileText.Quote(modelType)}; supported are {supported}");
    }

    private static void RefuseUnsupported(JsonSettings json)
    {
        if (json.OptionalObject("quantization_config") is JsonSettings quantization)
        {
            string method = HostileText.Quote(quantization.OptionalText("quant_method") ?? "unnamed");
            throw json.Refuse("quantization_config",
                $"asks for quantised weights (method {method}); use the model with BF16, F16 or F32 weights");
        }
        if (json.OptionalText("hidden_act") is string activation && activation != "silu")
            throw json.Refuse("hidden_act", $"is {HostileText.Quote(activation)}; supported is silu");
        if (json.OptionalFlag("mlp_bias") == true)
            throw json.Refuse("mlp_bias", "is true; feed-forward layers with biases are not supported");
        RefusePartialRotation(json);
    }

    private static void RefusePartialRotation(JsonSettings json)
    {
        if (json.OptionalNumber("partial_rotary_factor", 0, 1) is double part && part != 1)
            throw json.Refuse("partial_rotary_factor", "is not 1; rotating only part of a head is not supported");
    }

    private static void RefuseSlidingWindow(JsonSettings json, ModelArchitecture architecture, int maxPositions)
    {
        // Qwen files carry a window that is switched off; Llama has none, whatever its file says.
        bool inUse = architecture switch
        {
            ModelArchitecture.Mistral => true,
            ModelArchitecture.Qwen2 or ModelArchitecture.Qwen3 => json.OptionalFlag("use_sliding_window") ?? false,
            _ => false,
        };
        if (inUse && json.OptionalInteger("sliding_window", 1, int.MaxValue) is int window && window < maxPositions)
        {
            throw json.Refuse("sliding_window", $"is {window}, less than the {maxPositions} of "
                + "max_position_embeddings; attention with a sliding window is not supported");
        }
    }

    private static int ReadKvHeads(JsonSettings json, int heads)
    {
        int kvHeads = json.OptionalInteger("num_key_value_heads", 1, heads) ?? heads;
        return heads % kvHeads == 0
            ? kvHeads
            : throw json.Refuse("num_key_value_heads", $"is {kvHeads}, which does not divide the {heads} "
                + "of num_attention_heads");
    }

    private static int ReadHeadDim(JsonSettings json, ModelArchitecture architecture, int hidden, int heads)
    {
        const int Largest = 512;
        int? given = json.OptionalInteger("head_dim", 2, Largest);
        if (given is null && architecture == ModelArchitecture.Qwen3)
            given = DefaultQwen3HeadDim;
        if (given is null && hidden % heads != 0)
        {
            throw json.Refuse("head_dim", $"is missing, and hidden_size {hidden} is no multiple of "
                + $"num_attention_heads {heads}");
        }
        int headDim = given ?? hidden / heads;
        return headDim is >= 2 and <= Largest && headDim % 2 == 0
            ? headDim
            : throw json.Refuse("head_dim", $"{(given is null ? "(hidden_size / num_attention_heads) " : "")}"
                + $"is {headDim}; it must be even and from 2 to {Largest}");
    }

    private static double ReadTheta(JsonSettings json)
    {
        double? outer = json.OptionalNumber("rope_theta", 0, LargestTheta, open: true);
        double? inner = json.OptionalObject("rope_parameters")
            ?.OptionalNumber("rope_theta", 0, LargestTheta, open: true);
        if (outer is not null && inner is not null && outer != inner)
            throw json.Refuse("rope_theta", "differs from rope_parameters.rope_theta");
        return outer ?? inner ?? DefaultTheta;
    }

    /// <summary>transformers 5 renamed rope_scaling to rope_parameters and moved rope_theta into it. A file may hold
    /// both for the sake of older readers, then they must agree.</summary>
    private static RopeScaling ReadScaling(JsonSettings json)
    {
        RopeScaling? older = json.OptionalObject("rope_scaling") is JsonSettings inOld ? ReadScalingOf(inOld) : null;
        RopeScaling? newer = json.OptionalObject("rope_parameters") is JsonSettings inNew ? ReadScalingOf(inNew) : null;
        if (older is not null && newer is not null && older != newer)
            throw json.Refuse("rope_scaling", "differs from rope_parameters");
        return older ?? newer ?? new UnscaledRope();
    }

    private static RopeScaling ReadScalingOf(JsonSettings json)
    {
        const double Largest = 1e6;
        foreach (JsonProperty entry in json.Entries)
        {
            if (entry.Value.ValueKind == JsonValueKind.Object)
            {
                throw json.Refuse(
                    HostileText.Quote(entry.Name), "gives parameters per type of layer, which is not supported");
            }
        }
        RefusePartialRotation(json);
        string type = json.OptionalText("rope_type") ?? json.OptionalText("type") ?? "default";
        switch (type)
        {
            case "default":
                // Without a type, a factor would be dropped in silence.
                return json.OptionalNumber("factor", 0, Largest) is null or 1
                    ? new UnscaledRope()
                    : throw json.Refuse("factor", "is given, but no rope_type that would use it");
            case "linear":
                return new LinearRopeScaling(json.Number("factor", 1, Largest));
            case "llama3":
                double low = json.Number("low_freq_factor", 0, Largest, open: true);
                return new Llama3RopeScaling(
                    json.Number("factor", 1, Largest),
                    low,
                    json.Number("high_freq_factor", low, Largest, open: true),
                    json.Integer("original_max_position_embeddings", 1, 1 << 28));
            default:
                throw json.Refuse("rope_type", $"is {HostileText.Quote(type)}; supported are default, linear, llama3");
        }
    }
}
