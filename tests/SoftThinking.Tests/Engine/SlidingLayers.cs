using System.Text.Json.Nodes;

namespace SoftThinking.Tests;

/// <summary>A checkpoint of Qwen2 whose layers but the first have a sliding window.</summary>
internal static class SlidingLayers
{
    /// <summary>Writes the checkpoint to a folder, which must exist, and returns it.</summary>
    /// <param name="model">The checkpoint without windows.</param>
    public static string Write(string model, string folder, int window)
    {
        foreach (string file in Directory.EnumerateFiles(model))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        string configFile = Path.Combine(folder, "config.json");
        JsonNode config = JsonNode.Parse(File.ReadAllText(configFile))!;
        config["use_sliding_window"] = true;
        config["sliding_window"] = window;
        config["max_window_layers"] = 1;
        File.WriteAllText(configFile, config.ToJsonString());
        return folder;
    }
}
