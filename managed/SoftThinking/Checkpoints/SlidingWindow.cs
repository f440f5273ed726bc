using System.Collections.Immutable;
using SoftThinking.Checkpoints.Families;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads which layers have attention with a sliding window.</summary>
internal static class SlidingWindow
{
    private const string Full = "full_attention", Sliding = "sliding_attention";

    /// <summary>The configuration with the windows of its layers. One that hides no position of the model's is none.</summary>
    public static ModelConfig Read(JsonSettings json, ModelConfig config)
    {
        bool[] slides = FindLayers(json, config);
        int? size = ReadSize(json, config.Family.Defaults.Window);
        if (!slides.Contains(true) || size >= config.MaxPositions)
            return config;
        return config with { LayerConfigs = [.. config.LayerConfigs.Zip(slides, (layer, slide) => slide ? layer with { Window = size } : layer)] };
    }

    /// <summary>Which layers have windows, also if these hide no position.</summary>
    public static bool[] FindLayers(JsonSettings json, ModelConfig config)
    {
        ImmutableArray<string>? types = ReadLayerTypes(json, config.Layers);
        WindowDefaults? defaults = config.Family.Defaults.Window;
        int? size = ReadSize(json, defaults);
        bool[] slides = FindLayers(json, defaults, types, size, config.Layers);
        return size != null || !slides.Contains(true)
            ? slides
            : throw json.Refuse("layer_types", $"has {Sliding}, but no sliding_window is in use that would say how long");
    }

    /// <summary>The size of the windows; null if none are in use.</summary>
    private static int? ReadSize(JsonSettings json, WindowDefaults? defaults)
    {
        if (defaults is { IsOptional: true } && json.OptionalFlag("use_sliding_window") != true)
            return null;
        return json.Has("sliding_window")
            ? json.OptionalInteger("sliding_window", 1, int.MaxValue)
            : defaults?.Size;
    }

    // If the family defines the list, the list decides. Otherwise transformers ignores it and applies the rule of the
    // family; a list that asks for windows is not ignored here.
    private static bool[] FindLayers(JsonSettings json, WindowDefaults? defaults, ImmutableArray<string>? types, int? size, int layers)
    {
        IEnumerable<int> all = Enumerable.Range(0, layers);
        if (size == null || defaults == null || (types != null && defaults.HasLayerTypes))
            return [.. all.Select(layer => types?[layer] == Sliding)];
        int first = defaults.FirstLayer is int usual ? json.Integer("max_window_layers", 0, int.MaxValue, usual) : 0;
        return [.. all.Select(layer => layer >= first && (defaults.FullEvery is not int period || (layer + 1) % period != 0))];
    }

    private static ImmutableArray<string>? ReadLayerTypes(JsonSettings json, int layers)
    {
        ImmutableArray<string>? types = json.OptionalTexts("layer_types");
        if (types is not { } list)
            return null;
        if (list.Length != layers)
            throw json.Refuse("layer_types", $"has {list.Length} entries for the {layers} layers of num_hidden_layers");
        foreach (string type in list)
        {
            if (type is not (Full or Sliding))
                throw json.Refuse("layer_types", $"has {HostileText.Quote(type)}; supported are {Full} and {Sliding}");
        }
        return types;
    }
}
