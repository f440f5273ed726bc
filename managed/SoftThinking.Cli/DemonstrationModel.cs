namespace SoftThinking.Cli;

/// <summary>The small model that is included with the program and used by default.</summary>
internal static class DemonstrationModel
{
    public const string Name = "tiny-reasoner";

    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "models", Name);
}
