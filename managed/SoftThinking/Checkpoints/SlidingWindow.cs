using System.Collections.Immutable;
using SoftThinking.Files;

namespace SoftThinking.Checkpoints;

/// <summary>Refuses attention with a sliding window if a layer uses one that is shorter than the context.</summary>
internal static class SlidingWindow
{
    private const string Full = "full_attention", Sliding = "sliding_attention";

    public static void Refuse(JsonSettings json, ArchitectureDefaults defaults, int layers, int maxPositions)
    {
        ImmutableArray<string>? types = ReadLayerTypes(json, layers);
        int? window = ReadWindow(json, defaults);
        int affected = CountLayers(json, defaults, types, window, layers);
        if (affected == 0)
            return;
        if (window is not int size)
            throw json.Refuse("layer_types", $"has {Sliding}, but no sliding_window is in use that would say how long");
        if (size >= maxPositions)
            return; // it hides nothing
        string given = json.Has("sliding_window") ? $"is {size}" : $"is absent, which means {size} for {defaults.ClassName}";
        throw json.Refuse("sliding_window", $"{given}, less than the {maxPositions} of max_position_embeddings; "
            + $"attention with a sliding window, here in {affected} of {layers} layers, is not supported");
    }

    /// <summary>The window of layers that have one; null if none do.</summary>
    private static int? ReadWindow(JsonSettings json, ArchitectureDefaults defaults)
    {
        if (defaults.WindowIsOptional && json.OptionalFlag("use_sliding_window") != true)
            return null;
        return json.Has("sliding_window")
            ? json.OptionalInteger("sliding_window", 1, int.MaxValue)
            : defaults.SlidingWindow;
    }

    // If the architecture defines the list, the list decides. Otherwise transformers ignores it and applies the rule of the
    // architecture; a list that asks for windows is refused all the same.
    private static int CountLayers(
        JsonSettings json, ArchitectureDefaults defaults, ImmutableArray<string>? types, int? window, int layers)
    {
        int listed = types?.Count(type => type == Sliding) ?? 0;
        if (defaults.WindowIsOptional)
        {
            if (types != null || window == null)
                return listed;
            int first = json.Integer("max_window_layers", 0, int.MaxValue, defaults.MaxWindowLayers);
            return Math.Max(layers - first, 0);
        }
        return window != null && defaults.SlidingWindow != null ? layers : listed;
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
