namespace SoftThinking.Cli;

/// <summary>The small model that comes with the program and is used where no other is named.</summary>
internal static class DemonstrationModel
{
    public const string Name = "tiny-reasoner";

    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory, "models", Name);
}
