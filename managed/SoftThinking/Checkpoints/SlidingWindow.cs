using System.Collections.Immutable;
using SoftThinking.Checkpoints.Families;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Reads which layers have attention with a sliding window.</summary>
internal static class SlidingWindow
{
    private const string Full = "full_attention", Sliding = "sliding_attention";

    /// <summary>The positions that each layer sees, its own included; null: all.</summary>
    public static ImmutableArray<int?> Read(JsonSettings json, ModelFamily family, int layers)
    {
        ImmutableArray<string>? types = ReadLayerTypes(json, layers);
        WindowDefaults? defaults = family.Defaults.Window;
        int? size = ReadSize(json, defaults);
        bool[] slides = FindLayers(json, defaults, types, size, layers);
        if (slides.Contains(true) && size == null)
            throw json.Refuse("layer_types", $"has {Sliding}, but no sliding_window is in use that would say how long");
        return [.. slides.Select(slide => slide ? size : null)];
    }

    /// <summary>Refuses windows shorter than the context.</summary>
    public static void Refuse(JsonSettings json, ModelFamily family, ImmutableArray<int?> windows, int maxPositions)
    {
        int affected = windows.Count(window => window < maxPositions);
        if (affected == 0)
            return;
        int size = windows.Max()!.Value;
        string given = json.Has("sliding_window") ? $"is {size}" : $"is absent, which means {size} for {family.ClassName}";
        throw json.Refuse("sliding_window", $"{given}, less than the {maxPositions} of max_position_embeddings; "
            + $"attention with a sliding window, here in {affected} of {windows.Length} layers, is not supported");
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
        if (size == null || defaults == null || (types != null && defaults.IsOptional))
            return [.. all.Select(layer => types?[layer] == Sliding)];
        int first = defaults.FirstLayer is int usual ? json.Integer("max_window_layers", 0, int.MaxValue, usual) : 0;
        return [.. all.Select(layer => layer >= first)];
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
                throw json.Refuse("layer_types", $"has {HostileText.Quote(type)}; supported is {Full}");
        }
        return types;
    }
}
