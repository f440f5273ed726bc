using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Tests;

namespace SoftThinking.Extensions.AI.Tests;

/// <summary>Compares the example of a test, which is between two comments, with the documentation.</summary>
internal static partial class DocumentedExample
{
    /// <summary>That a document has the example of the calling test, as C#.</summary>
    /// <param name="document">Its path in docs.</param>
    public static void AssertIsIn(string document, [CallerFilePath] string source = "", [CallerMemberName] string test = "")
    {
        string file = Path.Combine(TestData.RepositoryRoot, "tests", "SoftThinking.Extensions.AI.Tests", Path.GetFileName(source));
        string text = File.ReadAllText(file).ReplaceLineEndings("\n");
        string method = text[text.IndexOf($"Task {test}()", StringComparison.Ordinal)..];
        string example = method.Split("// <example>\n")[1].Split("        // </example>")[0].Replace("\n        ", "\n")[8..];
        Assert.That(Blocks(document), Has.Member(example));
    }

    /// <summary>The blocks of C# in a document.</summary>
    public static IReadOnlyList<string> Blocks(string document) => [.. Block().Matches(Read(document)).Select(match => match.Groups[1].Value)];

    /// <summary>The text of a document.</summary>
    public static string Read(string document) =>
        File.ReadAllText(Path.Combine(TestData.RepositoryRoot, "docs", document)).ReplaceLineEndings("\n");

    [GeneratedRegex(@"^```csharp\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}
