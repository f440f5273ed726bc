namespace SoftThinking.Cli;

/// <summary>The small models that are included with the program.</summary>
internal static class DemonstrationModel
{
    /// <summary>The default.</summary>
    public const string Name = "tiny-reasoner";

    /// <summary>The default of `eval`: problems of graded difficulty, on which ways of thinking differ.</summary>
    public const string Graded = "graded-reasoner";

    public static string Path => PathOf(Name);

    /// <summary>Directory of an included model.</summary>
    public static string PathOf(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "models", name);
}
