using System.Text.RegularExpressions;
using NUnit.Framework;
using SoftThinking.Cli;

namespace SoftThinking.Tests;

/// <summary>The folders of the library depend in one direction.</summary>
public partial class ArchitectureTests
{
    // A folder may refer to the folders before it, and to no other. The first is the root: the public contracts.
    private static readonly string[] Order =
    [
        "", "Files", "Json", "Interop", "Checkpoints", "Tokenization", "Templating", "Cache", "Thinking", "Models", "Quantization", "Scheduling",
        "Execution", "Engine", "Diagnostics",
    ];

    private static readonly Lazy<SourceGraph> Library =
        new(() => SourceGraph.Read(typeof(EngineOptions).Assembly.Location, "managed/SoftThinking"));

    [Test]
    public void EveryTypeOfTheLibrary_HasAFileInAKnownFolder()
    {
        IEnumerable<string> folders = Library.Value.References
            .SelectMany(reference => new[] { reference.From, reference.To })
            .Select(SourceGraph.FolderOf)
            .Distinct();
        Assert.Multiple(() =>
        {
            Assert.That(Library.Value.Unplaced, Is.Empty);
            Assert.That(folders, Is.EquivalentTo(Order), "folders with code are those that the order names");
        });
    }

    [Test]
    public void Folders_ReferOnlyToThoseBeforeThem()
    {
        SourceGraph graph = Library.Value;
        string[] wrong =
        [
            .. graph.References
                .Where(reference => Place(reference.To) > Place(reference.From))
                .Select(reference => $"{SourceGraph.Name(SourceGraph.FolderOf(reference.From))} -> {SourceGraph.Name(SourceGraph.FolderOf(reference.To))}: {reference.Types}")
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        TestContext.Out.WriteLine(graph.DescribeFolders());
        Assert.That(wrong, Is.Empty, () => $"the folders refer to:\n{graph.DescribeFolders()}");
    }

    // A constant leaves no reference in compiled code, but its folder has to be named in the source.
    [Test]
    public void Folders_NameOnlyThoseBeforeThem()
    {
        string root = Path.Combine(TestData.RepositoryRoot, "managed", "SoftThinking");
        List<string> wrong = [];
        foreach (string folder in Order)
        {
            foreach (string file in Directory.GetFiles(Path.Combine(root, folder), "*.cs"))
            {
                wrong.AddRange(UsingOfAFolder().Matches(File.ReadAllText(file))
                    .Select(match => match.Groups[1].Value)
                    .Where(used => Array.IndexOf(Order, used) is int place && (place < 0 || place > Array.IndexOf(Order, folder)))
                    .Select(used => $"{Path.GetRelativePath(root, file)} -> {used}"));
            }
        }
        Assert.That(wrong, Is.Empty);
    }

    [Test]
    public void FilesOfTheCommandLine_HaveNoCircle()
    {
        SourceGraph graph = SourceGraph.Read(typeof(CommandLine).Assembly.Location, "managed/SoftThinking.Cli");
        Assert.Multiple(() =>
        {
            Assert.That(graph.References, Is.Not.Empty);
            Assert.That(graph.Circles().Select(circle => string.Join(", ", circle)), Is.Empty);
        });
    }

    private static int Place(string file) => Array.IndexOf(Order, SourceGraph.FolderOf(file));

    [GeneratedRegex(@"^using (?:static )?SoftThinking\.(\w+)", RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex UsingOfAFolder();
}
